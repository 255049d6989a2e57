//! The product among programs that are not ours: Chromium over the Web UI, a real HTTP service.

mod http_service;
mod web_ui;
