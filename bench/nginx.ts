/** The configuration of nginx, with its fastest settings for static files. */
import { serverAddress } from './network.ts'

/** @param dir for its temporary files */
export function nginxConf(dir: string, web: string): string {
  return `\
worker_processes auto;
daemon off;
user root;
pid ${dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  client_body_temp_path ${dir}/nginx-temp;
  server { listen ${serverAddress}:80; root ${web}; }
}
`
}
