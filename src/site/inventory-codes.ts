/** Codes of the problems of the section `inventory`. */
import { defineCodes } from '../text/codes.ts'

export const inventoryCodes = defineCodes({
  'site.inventory-range': {
    meaning: 'The addresses for undeclared machines are not a small range in a subnet that slipway leases',
    remedy: 'Set from and to in one subnet with dhcp: full, with at most 256 addresses',
  },
  'site.inventory-address-taken': {
    meaning: 'The addresses for undeclared machines include the address of a declared machine or service',
    remedy: 'Use a range without declared addresses',
  },
  'site.inventory-servers': {
    meaning: 'Several servers would lease the same addresses to undeclared machines',
    remedy: 'Set server.installer, or remove inventory from the site file',
  },
})
