/** Codes of the record of the inventory boot in the state directory. */
import { defineCodes } from '../text/codes.ts'

export const inventoryCodes = defineCodes({
  'state.inventory-record-unreadable': {
    meaning:
      'The record of the leases of undeclared machines cannot be read, so no such machine gets a new lease until all earlier ones have ended',
    remedy: 'Wait for inventory.leaseSeconds: slipway writes it again; remove the file if this repeats',
  },
  'state.inventory-record-not-written': {
    meaning:
      'The record of the leases of undeclared machines cannot be written, so a restart would not know them',
    remedy: 'Make the state directory writable and free disk space',
  },
})

export type InventoryCode = keyof typeof inventoryCodes
