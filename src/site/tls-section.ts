/** The section `server.tls` of the site file: HTTPS for everything that contains secrets (docs/decisions/0054). */
import { z } from 'zod'
import { path } from './scalars.ts'

export const tlsSection = z
  .strictObject({
    ca: z
      .union([z.literal('generated'), path])
      .optional()
      .meta({
        description:
          'generated: slipway creates a CA and issues its own certificate; else the file with the CA certificates (PEM) that nodes trust, by default the last certificate in the file of certificate',
        examples: ['generated'],
      }),
    certificate: path.optional().meta({
      description:
        'file with the certificate and its chain (PEM); it must contain server.address as an IP address',
      examples: ['/etc/slipway/tls/server.crt'],
    }),
    key: path.optional().meta({
      description: 'file with the key of the certificate (PEM)',
      examples: ['/etc/slipway/tls/server.key'],
    }),
  })
  .check(({ value, issues }) => {
    const { ca, certificate, key } = value
    const isComplete =
      ca === 'generated'
        ? certificate === undefined && key === undefined
        : certificate !== undefined && key !== undefined
    if (isComplete) return
    const message = 'expected either ca: generated, or both certificate and key'
    issues.push({ code: 'custom', input: value, path: [], message })
  })
  .meta({
    description:
      'HTTPS for Ignition files, secret images, and the boot scripts of an iPXE that trusts the CA; without it, all of them are sent in clear text',
  })

export type TlsSection = z.output<typeof tlsSection>
