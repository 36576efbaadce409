/** nginx with the boot images of this run and the boot loaders of iPXE, at the same paths as in slipway. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { addPeerAddress, peerAddress } from './address.ts'

export async function startNginx(rig: Rig): Promise<Running> {
  await addPeerAddress(rig)
  const dir = join(rig.dir, 'nginx')
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'nginx.conf')
  await writeFile(
    file,
    `\
worker_processes 1;
daemon off;
user root;
pid ${dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  types { application/efi efi; }
  default_type application/octet-stream;
  keepalive_timeout 15s;
  client_body_temp_path ${dir}/temp;
  server {
    listen ${peerAddress}:80;
    location /images/${rig.site.image}/ { alias ${rig.payload.imagesDir}/; }
    location /loaders/efi/ { alias /usr/lib/ipxe/; }
  }
}
`,
  )
  return rig.start('machines', 'nginx', ['nginx', '-e', 'stderr', '-c', file])
}
