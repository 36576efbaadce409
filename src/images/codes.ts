/** What operations on images report: the codes of refused or failed ones, the error with such a code, and the progress. */
import { defineCodes } from '../text/codes.ts'

export const imageCodes = defineCodes({
  'image.name-invalid': {
    meaning: 'The name of an image is not a single path segment of up to 100 permitted characters',
    remedy: 'Use letters, digits, dots, hyphens, and underscores',
  },
  'image.name-taken': {
    meaning: 'The image directory already has an image of this name with other files',
    remedy: 'Choose another --name, or remove the image',
  },
  'image.not-stored': {
    meaning: 'The image directory does not have an image of this name',
    remedy: 'List the images with slipway images list',
  },
  'image.in-use': {
    meaning: 'The site uses an image that you asked to remove',
    remedy: 'Remove it from the site file first, or add --force',
  },
  'image.iso-invalid': {
    meaning: 'A live ISO, or the EFI image in it, cannot be read',
    remedy: 'Download the ISO again, and compare its checksum',
  },
  'image.loaders-missing': {
    meaning: 'A live ISO does not contain shim and GRUB',
    remedy:
      'Use the live ISO of the release of the image, or copy the loaders by hand: see docs/secure-boot.md',
  },
  'image.in-progress': {
    meaning: 'Another process is adding an image of this name',
    remedy: 'Wait until that process has finished',
  },
  'image.store-unreadable': {
    meaning: 'The image directory cannot be read',
    remedy: 'Correct the path, the owner, or the permissions of the directory',
  },
  'image.write-failed': {
    meaning: 'A file or a directory cannot be written',
    remedy: 'Correct the permissions or free disk space, then run the command again',
  },
  'image.disk-full': {
    meaning: 'The file system has less free space than the operation needs',
    remedy: 'Remove images, or choose another directory with --dir',
  },
  'image.files-unknown': {
    meaning: 'A directory does not contain the files of a boot image',
    remedy: 'Check the directory: it needs a kernel, an initramfs, and a root file system',
  },
  'image.damaged': {
    meaning: 'A file of an image differs from its manifest',
    remedy: 'Run slipway images verify, then add the image again',
  },
  'image.manifest-damaged': {
    meaning: 'The manifest of an image cannot be read or has invalid content',
    remedy: 'Remove the image and add it again',
  },
  'image.key-invalid': {
    meaning: 'A file given with --key cannot be read, or does not contain a public key',
    remedy: 'Export the public key of the publisher with gpg --armor --export',
  },
  'image.signature-wrong': {
    meaning: 'A file of an image does not match its signature, or was not signed with one of the given keys',
    remedy: 'Do not boot the image: get the stream document from the publisher, and add the image again',
  },
  'image.proxy-invalid': {
    meaning: 'HTTP_PROXY or HTTPS_PROXY is not a valid URL of a proxy',
    remedy: 'Correct the variable',
  },
  'image.stream-unreadable': {
    meaning: 'The stream document cannot be read or downloaded',
    remedy: 'Check the path or the URL, and the network',
  },
  'image.stream-invalid': {
    meaning: 'The stream document does not have the format of a stream document',
    remedy: 'Get one with openshift-install coreos print-stream-json',
  },
  'image.release-not-bootable': {
    meaning: 'The stream document is for a release that lacks a file that network boot needs',
    remedy: 'Choose a newer release',
  },
  'image.stream-without-image': {
    meaning: 'The stream document does not have the requested stream, architecture, or file',
    remedy: 'Choose another --stream or --arch, or another stream document',
  },
  'image.download-failed': {
    meaning: 'A file could not be downloaded after several attempts',
    remedy: 'Check the network and the server, then run the command again to resume',
  },
  'image.download-refused': {
    meaning: 'A server does not have a file, or its content differs from the stream document',
    remedy: 'Check the URL in the message; get a newer stream document',
  },
  'image.site-invalid': {
    meaning: 'The site file that uses the images has errors',
    remedy: 'Run slipway check and correct them',
  },
  'image.archive-unreadable': {
    meaning: 'The archive does not exist or cannot be opened',
    remedy: 'Check the path and the permissions',
  },
  'image.archive-invalid': {
    meaning: 'The archive is damaged, or slipway images export did not write it',
    remedy: 'Export the images again, and compare the size of the copy',
  },
  'image.unpack-failed': {
    meaning: 'A system error interrupted the import of an archive',
    remedy: 'Fix the problem that the message names, then run the command again',
  },
})

export type ImageCode = keyof typeof imageCodes

/** An error that the administrator or the server can fix: the message states what is wrong and, if possible, what to do. */
export class ImageProblem extends Error {
  override readonly name = 'ImageProblem'
  readonly code: ImageCode

  constructor(code: ImageCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Messages with these codes only state what is wrong with a file. */
const withoutStep: readonly ImageCode[] = [
  'image.archive-invalid',
  'image.iso-invalid',
  'image.manifest-damaged',
]

/** Returns the message, which ends with what to do. */
export function withRemedy({ code, message }: ImageProblem): string {
  const { remedy } = imageCodes[code]
  if (!withoutStep.includes(code)) return message
  return `${message}; ${remedy.charAt(0).toLowerCase()}${remedy.slice(1)}`
}

/** Returns the text of a system error. Errors that combine several addresses have only a code. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || (code ?? 'unknown error')
}

export type Notice =
  /** The total size; sent again when it is known better. `undefined` while the size of a file is unknown. */
  | { readonly kind: 'total'; readonly octets: number | undefined }
  | {
      readonly kind: 'started'
      readonly file: string
      /** Bytes of an earlier start. */
      readonly octets: number
    }
  /** Bytes of the file up to now; fewer than before if the file is downloaded again. */
  | { readonly kind: 'reached'; readonly file: string; readonly octets: number }
  | { readonly kind: 'done'; readonly file: string; readonly octets: number }
  /** An error after which the operation continues; `reason` is a sentence. */
  | { readonly kind: 'retry'; readonly file: string; readonly reason: string }

/** Called synchronously and often: must be fast and never throw. */
export type Watch = (notice: Notice) => void
