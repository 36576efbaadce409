/** Codes of the problems of the disks that nodes are installed on. */
import { defineCodes } from '../text/codes.ts'

export const diskCodes = defineCodes({
  'site.disk-missing': {
    meaning: 'A node has no disk to install on',
    remedy: 'Set disk in the cluster or in the node',
  },
  'site.disk-and-mirror': {
    meaning: 'A cluster or a node sets both disk and mirror',
    remedy: 'Remove one of the two keys',
  },
  'site.mirror-disk-repeated': {
    meaning: 'A mirror names a disk twice',
    remedy: 'Write a different disk',
  },
  'site.mirror-not-combinable': {
    meaning: 'A node combines mirror with savePartitions or multipath',
    remedy: 'Remove the key that the message names',
  },
  'site.disk-needs-callbacks': {
    meaning: 'Hints or multipath need the Ignition file of the live system, which callbacks: false turns off',
    remedy: 'Remove callbacks: false, or write the path of the disk',
  },
  'site.disk-of-single-node': {
    meaning: 'A single node installs to the disk that its Ignition file names',
    remedy: 'Write this disk as a path, and remove mirror, multipath, and savePartitions',
  },
  'site.saved-partitions-repeated': {
    meaning: 'A node sets savePartitions and a kernel argument with the same effect',
    remedy: 'Remove one of the two',
  },
})
