/** Codes of the assisted service. */
import { defineCodes } from '../text/codes.ts'

export const assistedCodes = defineCodes({
  'assisted.unreachable': {
    meaning: 'slipway cannot read the hosts of an InfraEnv from the assisted service, so new machines wait',
    remedy:
      'Read the reason; correct assisted in the site file (url, infraEnv, tokenFile, ca), or start the service',
  },
})
