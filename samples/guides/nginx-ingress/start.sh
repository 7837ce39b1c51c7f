#!/bin/sh
# nginx as the way in, itself in the mesh: what it calls goes through its sidecar. It listens where the mesh tells it (HOST, PORT) and calls productpage by
# its name, so that the routes of productpage count.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
upstream="${PRODUCTPAGE_SERVICE_HOST:-productpage.bookinfo}:${PRODUCTPAGE_SERVICE_PORT:-9080}"
cat > "$folder/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $folder/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $folder/body; proxy_temp_path $folder/proxy; fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  server {
    listen ${HOST:-0.0.0.0}:${PORT:-8088};
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host productpage.bookinfo.svc.cluster.local;
      proxy_set_header end-user \$http_end_user;
      proxy_pass http://$upstream;
    }
  }
}
CONF
nginx -c "$folder/nginx.conf" -p "$folder" &
child=$!
trap 'kill "$child" 2>/dev/null; wait "$child"; rm -rf "$folder"; exit 0' TERM INT
wait "$child"
