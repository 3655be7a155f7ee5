//! The web server's site.

/// Where a certificate lies if there is one, as for the Flask backend.
pub const CERTIFICATE: &str = "/etc/nginx/ssl/telemetry.cert.pem";
/// The key of [`CERTIFICATE`].
pub const KEY: &str = "/etc/nginx/ssl/telemetry.key.pem";

/// A site that hands every request to the collector at this address. Header names with underscores are clients' own; a body
/// may be as long as a payload of 1 MiB in JSON.
#[must_use]
pub fn site(collector: &str, has_certificate: bool) -> String {
    let tls = if has_certificate {
        format!(
            "    listen 443 ssl default_server;\n    listen [::]:443 ssl default_server;\n    ssl_certificate {CERTIFICATE};\n    \
             ssl_certificate_key {KEY};\n    ssl_protocols TLSv1.2 TLSv1.3;\n"
        )
    } else {
        String::new()
    };
    format!(
        "# Made by `telem-collector setup`, and made anew by the next one.\n\
         server {{\n    listen 80 default_server;\n    listen [::]:80 default_server;\n{tls}    server_name _;\n    \
         underscores_in_headers on;\n    client_max_body_size 8m;\n    location / {{\n        \
         proxy_pass http://{collector};\n        proxy_http_version 1.1;\n        proxy_set_header Connection \"\";\n        \
         proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n        \
         proxy_set_header X-Forwarded-Proto $scheme;\n    }}\n}}\n"
    )
}
