/** Codes of refused or failed operations on images. */
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
    meaning: 'The site uses an image that was to be removed',
    remedy: 'Remove it from the site file first, or add --force',
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
    meaning: 'An error of the system interrupted the import of an archive',
    remedy: 'Fix the problem that the message names, then run the command again',
  },
})

export type ImageCode = keyof typeof imageCodes
