/** Codes of the problems of adding and removing nodes. */
import { defineCodes } from '../../text/codes.ts'

export const editCodes = defineCodes({
  'site.node-known': {
    meaning: 'A node of that name is in the site file with other values',
    remedy: 'Use another name, or edit the node by hand',
  },
  'site.node-unknown': { meaning: 'The site has no node of that name', remedy: 'Check the name of the node' },
  'site.cluster-unclear': {
    meaning: 'The site does not have the named cluster or group, or has several and none was named',
    remedy: 'Name a cluster of the site with --cluster, or a group with --group',
  },
  'site.edit-unsafe': {
    meaning: 'The edit would change other parts of the site file',
    remedy: 'Edit the site file by hand',
  },
})
