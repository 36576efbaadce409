/**
 * The key `script` of a cluster and a node: the boot script of another installer, such as the Assisted Installer, which a
 * node boots instead of an image.
 */
import { bootScript } from './scalars.ts'

export const scriptKey = {
  script: bootScript.optional().meta({
    description:
      'iPXE script of another installer, by URL or file, that nodes boot instead of the kernel of an image; image then only sets the architecture and the signed boot loaders',
    examples: [
      'http://assisted.example.net:8090/api/assisted-install/v2/infra-envs/ID/downloads/files?file_name=ipxe-script',
    ],
  }),
}
