/** Codes of log messages about files that change while slipway serves. */
import { defineCodes } from '../text/codes.ts'

export const scanCodes = defineCodes({
  'ignition.replacement-rejected': {
    meaning: 'An Ignition file was replaced by an invalid one, so slipway serves the previous version',
    remedy: 'Correct the file; slipway reads it again automatically',
  },
})

export type ScanCode = keyof typeof scanCodes
