/** The help of `slipway images` and a page for each of its commands. */
import { actionHelps } from '../../action-help.ts'
import type { Help } from '../../command.ts'
import { jsonRow } from '../../target.ts'

export const imagesHelp: Help = {
  usage: [
    'images add [--name NAME] [--arch ARCH]… [--stream NAME] [--iso] [--metal] [--key FILE]… [--json] [--dir DIR] SOURCE',
    'images list [--site FILE] [--json] [--dir DIR]',
    'images verify [--key FILE]… [--json] [--dir DIR] [NAME…]',
    'images remove [--site FILE] [--force] [--json] [--dir DIR] NAME…',
    'images export [--json] [--dir DIR] NAME… FILE',
    'images import [--json] [--dir DIR] FILE',
    'images loaders [--json] [--dir DIR] NAME [ISO]',
  ],
  about: [
    'Downloads, verifies, exports, and imports boot images.',
    'Works on the image directory of this machine. Downloads honor HTTP_PROXY, HTTPS_PROXY, and NO_PROXY.',
  ],
  lists: {
    Commands: [
      [
        'add',
        'download and verify the kernel, initramfs, and root file system of a release, and print the lines for the ' +
          'site file. SOURCE is a stream document: a URL, a file, or - for standard input. Resumes an interrupted download',
      ],
      ['list', 'list the images; with --site, also the clusters that use them'],
      [
        'verify',
        'read every byte and compare the checksums and signatures of all images, or of the named ones',
      ],
      ['remove', 'delete images; --force also deletes an image that the site uses'],
      ['export', 'pack images into one archive for a site without internet access'],
      ['import', 'unpack an archive (- for standard input); a damaged archive changes nothing'],
      ['loaders', 'copy the signed boot loaders of a live ISO into an image, for Secure Boot'],
    ],
  },
  options: [
    ['--dir DIR', 'image directory (default: $STATE_DIRECTORY/images, else /var/lib/slipway/images)'],
    ['--name NAME', 'name of the image (default: product and release)'],
    ['--arch ARCH', 'x86_64 (default), aarch64, ppc64le, or s390x; repeat it for several'],
    [
      '--stream NAME',
      'operating system stream of the ConfigMap, such as rhel-10 (default: the default of the release)',
    ],
    ['--iso', 'include the live ISO'],
    ['--metal', 'include the metal image'],
    [
      '--key FILE',
      'OpenPGP public key of the publisher: every file must have a valid signature; repeat it for several keys (default: the keys in /etc/pki/rpm-gpg and /etc/slipway/keys, if a signature exists)',
    ],
    ['--site FILE', 'site file that uses the images'],
    ['--force', 'remove an image that the site uses'],
    jsonRow,
  ],
  exit: [
    ['0', 'success'],
    ['1', 'the operation failed, an image is damaged, or a signature is wrong or, with --key, missing'],
    ['2', 'invalid command line'],
  ],
  examples: [
    'openshift-install coreos print-stream-json | slipway images add -',
    'images list --site /etc/slipway/site.yaml',
    'images export rhcos-4.17 images.tar',
  ],
}

export const imagesHelps = actionHelps(imagesHelp, {
  add: {
    hasResult: true,
    about: [
      'Downloads and verifies a boot image.',
      'SOURCE is a stream document: a URL, a file, or - for standard input. The command downloads the kernel, initramfs, ' +
        'and root file system of the release, and prints the lines for the site file. It resumes an interrupted ' +
        'download. Downloads honor HTTP_PROXY, HTTPS_PROXY, and NO_PROXY.',
    ],
    examples: [
      'openshift-install coreos print-stream-json | slipway images add -',
      'images add --arch x86_64 --arch aarch64 stream.json',
    ],
  },
  list: {
    about: ['Lists the boot images.', 'With --site, it also lists the clusters that use each image.'],
    examples: ['images list --site /etc/slipway/site.yaml'],
  },
  verify: {
    about: [
      'Verifies boot images.',
      'Reads every byte and compares the checksums of all images, or of the named ones. If the release has signatures, gpgv verifies them.',
    ],
    examples: ['images verify', 'images verify --key fedora.gpg fedora-coreos-42'],
  },
  remove: {
    hasResult: true,
    about: [
      'Deletes boot images.',
      'With --site, it refuses to delete an image that the site uses, unless --force is given.',
    ],
    examples: ['images remove --site /etc/slipway/site.yaml rhcos-4.16'],
  },
  export: {
    hasResult: true,
    about: ['Packs boot images into one archive.', 'The archive is for a site without internet access.'],
    examples: ['images export rhcos-4.17 images.tar'],
  },
  import: {
    hasResult: true,
    about: [
      'Unpacks an archive of boot images.',
      'FILE is an archive of "slipway images export", or - for standard input. A damaged archive changes nothing.',
    ],
    examples: ['images import images.tar'],
  },
  loaders: {
    hasResult: true,
    about: [
      'Copies the signed boot loaders of a live ISO into an image.',
      'Nodes with Secure Boot need them (loader: shim). ISO is the live ISO of the same release; by default the one that ' +
        '"slipway images add --iso" stored with the image.',
    ],
    examples: ['images loaders rhcos-4.17 rhcos-live.x86_64.iso'],
  },
})
