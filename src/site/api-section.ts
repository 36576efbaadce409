/** The section `api` of the site file: the API and the web page on the network (docs/decisions/0042). */
import { z } from 'zod'
import { domain, headerName, ip, oneOrMore, path, port, userName } from './scalars.ts'

/** What a user may do; each scope includes those before it. */
export const scopes = ['read', 'operate', 'admin'] as const

const user = z
  .strictObject({
    name: userName.meta({
      description: 'name: for clients, the common name or a subjectAltName of the certificate',
      examples: ['alice'],
    }),
    scope: z.enum(scopes).default('read').meta({
      description:
        'read: status and events; operate: also commands for nodes, and reloads; admin: also tokens, state, and rollbacks',
    }),
  })
  .meta({ description: 'user and scope' })

const proxy = z
  .strictObject({
    from: oneOrMore(ip).default([]).meta({ description: 'addresses of the proxy, for connections with TLS' }),
    socket: path.optional().meta({
      description:
        'Unix socket for a proxy on this machine; the mode of the socket decides which users can connect',
      examples: ['/run/slipway/proxy.sock'],
    }),
    header: headerName.prefault('X-Forwarded-User').meta({
      description: 'header with the name of the user; the proxy must remove it from requests of clients',
    }),
    users: z.array(user).min(1).meta({ description: 'users that the proxy authenticates' }),
  })
  .check(({ value, issues }) => {
    if (value.from.length > 0 || value.socket !== undefined) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected from, socket, or both' })
  })
  .meta({ description: 'reverse proxy that authenticates users (single sign-on)' })

export const apiSection = z
  .strictObject({
    address: ip.prefault('127.0.0.1').meta({
      description: 'address that HTTPS listens on; by default only this machine can connect',
    }),
    port: port.default(8443).meta({ description: 'TCP port of HTTPS' }),
    names: oneOrMore(domain)
      .default([])
      .meta({
        description: 'names in the URL of the page and the API; requests with other names are refused',
        examples: [['slipway.example.localdomain']],
      }),
    certificate: path.optional().meta({
      description: 'file with the certificate and its chain (PEM); by default slipway generates one',
    }),
    key: path.optional().meta({ description: 'file with the key of the certificate (PEM)' }),
    clientCA: path.optional().meta({
      description: 'file with the CA certificates (PEM) of clients that identify themselves by certificate',
    }),
    clients: z.array(user).default([]).meta({ description: 'client certificates that are accepted' }),
    proxy: proxy.optional(),
  })
  .check(({ value, issues }) => {
    const { certificate, key, clientCA, clients } = value
    const problems = [
      ...((certificate === undefined) === (key === undefined) ? [] : ['expected both certificate and key']),
      ...((clientCA === undefined) === (clients.length === 0) ? [] : ['expected both clientCA and clients']),
    ]
    for (const message of problems) issues.push({ code: 'custom', input: value, path: [], message })
  })
  .meta({
    description:
      'the API and the web page over HTTPS; without this section, only the control socket serves them',
  })
