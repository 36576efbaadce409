/** Codes of the problems of groups, and of the operating systems of their machines. */
import { defineCodes } from '../text/codes.ts'

export const groupCodes = defineCodes({
  'site.system-unsuitable': {
    meaning: 'A cluster has an image of another operating system, or a group has an image of OpenShift',
    remedy: 'Set os in the image, or move the machine to groups',
  },
  'site.node-file-unused': {
    meaning: 'hostname, files, or networkKeyfiles is set for an operating system without Ignition',
    remedy: 'Remove the key, and write the files with the answer file',
  },
  'site.setting-not-read': {
    meaning:
      'network, mirror, multipath, savePartitions, or disk with hints is set for an operating system whose installer does not read it',
    remedy: 'Remove the key, and write the setting in the answer file',
  },
})
