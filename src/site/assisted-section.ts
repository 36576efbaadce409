/** The section `assisted` of a cluster: the assisted service that installs its nodes. */
import { z } from 'zod'
import { assistedUrl, path, uuid } from './scalars.ts'

export const assistedSection = z
  .strictObject({
    url: assistedUrl.meta({
      description: 'URL of the assisted service, without /api',
      examples: ['https://assisted-service.example.net'],
    }),
    infraEnv: uuid.meta({
      description: 'identifier of the InfraEnv whose hosts are followed',
      examples: ['6e6c4b5a-3f0e-4a2c-9d1b-0f8f7c3a5d21'],
    }),
    tokenFile: path.optional().meta({
      description: 'file with the token of the API; only its owner must be able to read it',
    }),
    ca: path.optional().meta({
      description: 'file with the CA certificates (PEM) of the service, beside those of this machine',
    }),
  })
  .meta({
    description:
      'assisted service that installs the nodes: slipway follows their progress there, and the nodes do not wait for each other',
  })
