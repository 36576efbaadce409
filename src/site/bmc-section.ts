/**
 * The keys `bmc` of the site file: the management controllers (BMCs) of nodes, and the settings that a site or a cluster sets for
 * all of them. Passwords are in separate files (docs/bmc.md).
 */
import { z } from 'zod'
import { bmcAddress, bmcSystem, bmcUrl, credentialsFile, path } from './scalars.ts'

/** Protocols that slipway uses to control the power of a machine. */
export const bmcProtocols = ['redfish', 'ipmi'] as const
/** When slipway switches power: only when a command asks for it, or also when an administrator arms a node. */
export const powerModes = ['manual', 'managed'] as const
/** How the firmware boots from the network: by PXE, or by UEFI HTTP Boot. */
export const networkBoots = ['pxe', 'http'] as const

/** Keys that a site sets for all nodes, and that a cluster or a node overrides. */
const bmcSettings = {
  credentials: credentialsFile.optional().meta({
    description:
      'file with the lines username=… and password=…, which only its owner can read; or the name of a systemd credential',
    examples: ['/etc/slipway/bmc.credentials'],
  }),
  protocol: z.enum(bmcProtocols).optional().meta({
    description: 'redfish, or ipmi for BMCs without Redfish; by default as in the URL, else redfish',
  }),
  ca: path.optional().meta({
    description:
      'file with the CA certificates (PEM) that sign the certificates of BMCs; by default slipway keeps the fingerprint that it sees first, and refuses another one',
  }),
  networkBoot: z.enum(networkBoots).optional().meta({
    description: 'one-time boot that installs a node: pxe (the default), or http for UEFI HTTP Boot',
  }),
  power: z.enum(powerModes).optional().meta({
    description:
      'manual (the default): slipway switches power only when a command asks for it; managed: it also restarts a node from the network when an administrator arms it',
  }),
}

export const bmcDefaults = z
  .strictObject(bmcSettings)
  .meta({ description: 'settings for the BMCs of all nodes below; a node overrides them' })

/** The BMC of one node; text is its URL. */
export const nodeBmc = z
  .union(
    [
      bmcUrl,
      z.strictObject({
        address: bmcAddress.meta({
          description: 'IP address or name with an optional port, or a URL as in a BareMetalHost',
          examples: ['172.16.0.201'],
        }),
        system: bmcSystem.optional().meta({
          description: 'id or path of the Redfish system, if the BMC has several',
          examples: ['1'],
        }),
        ...bmcSettings,
      }),
    ],
    { error: 'expected the URL of a BMC, or a map with its address' },
  )
  .transform((value) => (typeof value === 'string' ? { address: value } : value))
