/** The certificates and keys of a cluster, made with openssl, and kubeconfigs with them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { addresses, domain, nodes } from './network.ts'

export type Authority = { readonly certificate: string; readonly key: string }

/** Creates a CA with its files `NAME.crt` and `NAME.key`. */
export async function createAuthority(dir: string, name: string): Promise<Authority> {
  const [certificate, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)]
  await output([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30'],
    ...['-keyout', key, '-out', certificate, '-subj', `/CN=${name}`],
  ])
  return { certificate, key }
}

/** Creates `NAME.crt` and `NAME.key`. @param names in the syntax of openssl */
export async function createCertificate(
  dir: string,
  { certificate, key }: Authority,
  { name, subject, names }: { readonly name: string; readonly subject: string; readonly names?: string },
): Promise<void> {
  const at = (extension: string): string => join(dir, `${name}.${extension}`)
  const lines = [`subjectAltName=${names ?? 'DNS:localhost'}`, 'extendedKeyUsage=serverAuth,clientAuth']
  await writeFile(at('ext'), `${lines.join('\n')}\n`)
  const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('key'), '-out', at('csr'), '-subj', subject]
  await output(['openssl', 'req', ...request])
  const signing = ['-CA', certificate, '-CAkey', key, '-CAcreateserial', '-days', '29', '-extfile', at('ext')]
  await output(['openssl', 'x509', '-req', '-in', at('csr'), ...signing, '-out', at('crt')])
}

/** The names of the API server, which its certificate has. */
export const apiServerNames = [
  ...[`DNS:api.${domain}`, `DNS:api-int.${domain}`, 'DNS:kubernetes', 'DNS:kubernetes.default.svc'],
  ...[addresses.api, addresses.apiInternal, addresses.control, nodes.bs.address, '127.0.0.1', '10.0.0.1'].map(
    (address) => `IP:${address}`,
  ),
].join(',')

/** Creates everything that the control plane needs. */
export async function createCertificates(dir: string): Promise<Authority> {
  await mkdir(dir, { recursive: true })
  const authority = await createAuthority(dir, 'ca')
  const create = (name: string, subject: string, names?: string): Promise<void> =>
    createCertificate(dir, authority, { name, subject, ...(names !== undefined && { names }) })
  await create('apiserver', '/CN=kube-apiserver', apiServerNames)
  await create('mcs', '/CN=machine-config-server', `DNS:api-int.${domain},IP:${addresses.apiInternal}`)
  await create('admin', '/O=system:masters/CN=system:admin')
  await create('kcm', '/CN=system:kube-controller-manager')
  const sign = join(dir, 'sa.key')
  await output(['openssl', 'genrsa', '-out', sign, '2048'])
  await output(['openssl', 'rsa', '-in', sign, '-pubout', '-out', join(dir, 'sa.pub')])
  return authority
}

/**
 * Returns a kubeconfig.
 *
 * @param authority file of the CA; if absent, any certificate is accepted
 * @param user as in the kubeconfig: a token, or a certificate with its key in base64
 */
export async function kubeconfig(
  host: string,
  authority: string | undefined,
  user: Readonly<Record<string, string>>,
): Promise<string> {
  const trust =
    authority === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': (await readFile(authority)).toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'real',
    clusters: [
      {
        name: 'real',
        cluster: { server: `https://${host}:6443`, ...trust },
      },
    ],
    users: [{ name: 'real', user }],
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'real' } }],
  })
}

/** Returns the user of a kubeconfig with `NAME.crt` and `NAME.key`. */
export async function certificateUser(dir: string, name: string): Promise<Readonly<Record<string, string>>> {
  return {
    'client-certificate-data': (await readFile(join(dir, `${name}.crt`))).toString('base64'),
    'client-key-data': (await readFile(join(dir, `${name}.key`))).toString('base64'),
  }
}
