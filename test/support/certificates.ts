/** A certificate authority of a cluster, made by openssl for one test run: keys and certificates as PEM. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Pair = { readonly certificate: string; readonly key: string }

export type Authority = Pair & {
  /** @param names of subjectAltName, as openssl writes them: `DNS:api.c1.example.net,IP:127.0.0.1` */
  server(names: string): Pair
  /** @param subject `/O=system:masters/CN=system:admin`; @param days negative: it has ended */
  client(subject: string, days?: number, names?: string): Pair
}

export function makeAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'))
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const read = (name: string): Pair => ({
    certificate: readFileSync(at(`${name}.crt`), 'utf8'),
    key: readFileSync(at(`${name}.key`), 'utf8'),
  })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  openssl('req', '-x509', ...newKey, '-subj', '/CN=kube-ca', '-keyout', 'ca.key', '-out', 'ca.crt')

  let issued = 0
  function issue(subject: string, extensions: string, days: number): Pair {
    const name = `issued-${issued++}`
    writeFileSync(at(`${name}.ext`), extensions)
    openssl('req', ...newKey, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-extfile', `${name}.ext`, '-out', `${name}.crt`, '-days', `${days}`],
    )
    return read(name)
  }
  return {
    ...read('ca'),
    server: (names) =>
      issue('/CN=kube-apiserver', `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`, 1),
    client: (subject, days = 1, names) => {
      const alternative = names === undefined ? '' : `subjectAltName=${names}\n`
      return issue(subject, `extendedKeyUsage=clientAuth\n${alternative}`, days)
    },
  }
}
