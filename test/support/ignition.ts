/** Ignition files like those of the installer, created on 2026-11-21 06:00 UTC, with real certificates (test/fixtures/ignition). */
import { readFileSync } from 'node:fs'

type Name =
  | 'root-ca'
  | 'lb-signer'
  | 'lb-server'
  | 'kubelet-signer'
  | 'admin'
  | 'company-ca'
  | 'old-signer'
  | 'node-ipsec'
  | 'node-future'

export const madeAt = Date.UTC(2026, 10, 21, 6, 0, 10)
export const usableUntil = Date.UTC(2026, 10, 22, 6, 0, 10)

/** Returns a certificate in PEM. */
export function certificate(name: Name): string {
  return readFileSync(new URL(`../fixtures/ignition/${name}.pem`, import.meta.url), 'latin1')
}

export function dataUrl(content: string | Uint8Array): string {
  return `data:text/plain;charset=utf-8;base64,${Buffer.from(content).toString('base64')}`
}

export function ignitionText(content: object, version = '3.4.0'): string {
  return JSON.stringify({ ignition: { version }, ...content })
}

/** Returns an entry for a file on the node. */
export function nodeFile(path: string, content: string): object {
  return { path, mode: 420, overwrite: true, contents: { source: dataUrl(content) } }
}

export function bootstrapText(): string {
  return ignitionText({
    passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 AAAA'] }] },
    storage: {
      files: [
        nodeFile('/etc/motd', 'This is the bootstrap node'),
        nodeFile('/opt/openshift/tls/root-ca.crt', certificate('root-ca')),
        nodeFile(
          '/opt/openshift/tls/kube-apiserver-lb-server.crt',
          certificate('lb-server') + certificate('lb-signer'),
        ),
        nodeFile(
          '/opt/openshift/manifests/kubelet-signer-secret.yaml',
          `data:\n  tls.crt: ${Buffer.from(certificate('kubelet-signer')).toString('base64')}\n`,
        ),
      ],
    },
  })
}

/** Returns the content of master.ign and worker.ign: a pointer to the machine config server. */
export function pointerText(version = '3.4.0'): string {
  return JSON.stringify({
    ignition: {
      config: { merge: [{ source: 'https://api-int.ocp45.example.net:22623/config/master' }] },
      security: { tls: { certificateAuthorities: [{ source: dataUrl(certificate('root-ca')) }] } },
      version,
    },
  })
}
