/**
 * The Ignition file of the live system with HTTPS: the CA that coreos-installer and curl trust, and the hash of the Ignition
 * file for the disk. coreos-installer has no kernel argument for that hash: it reads it from /etc/coreos/installer.d (0.12,
 * https://coreos.github.io/coreos-installer/customizing-install/). Pure.
 */
import type { InstallRole } from '../facts.ts'
import { dataUrl, liveFiles, type LiveReports } from './document.ts'
import { authorityPath, lines, type Unit } from './units.ts'

export type SecureLive = {
  readonly role: InstallRole
  /** URL of the Ignition file of the role. */
  readonly ignitionUrl: string
  /** URLs that the live system reports to; absent if it reports nothing. */
  readonly reports?: LiveReports
  /** More units. */
  readonly units?: readonly Unit[]
  /** Ignition version, as in the role's file of the same release. */
  readonly version: string
}

export type LiveTrust = {
  /** CA certificates (PEM). */
  readonly authority: string
  /** Of the Ignition file of the role, as it is sent to this node. */
  readonly sha512: string
}

export function renderSecureLive(live: SecureLive, trust: LiveTrust): string {
  return live.role === 'single' ? renderPointer(live, trust) : renderForInstaller(live, trust)
}

/** A single node installs itself from its live system, so that system gets the Ignition file of the role. */
function renderPointer({ ignitionUrl, version }: SecureLive, { authority, sha512 }: LiveTrust): string {
  const merge = [{ source: ignitionUrl, verification: { hash: `sha512-${sha512}` } }]
  const certificateAuthorities = [{ source: textUrl(authority) }]
  return JSON.stringify({
    ignition: { version, config: { merge }, security: { tls: { certificateAuthorities } } },
  })
}

function renderForInstaller(
  { reports, units: more = [], version }: SecureLive,
  { authority, sha512 }: LiveTrust,
): string {
  const file = (path: string, text: string) => ({
    path,
    overwrite: true,
    mode: 0o644,
    contents: { source: textUrl(text) },
  })
  const { files, units } = reports === undefined ? { files: [], units: [] } : liveFiles(reports)
  return JSON.stringify({
    ignition: { version },
    storage: {
      files: [
        file(authorityPath, authority),
        file('/etc/coreos/installer.d/slipway-hash.yaml', `ignition-hash: sha512-${sha512}\n`),
        ...files,
      ],
    },
    systemd: { units: withTrust([...units, ...more]) },
  })
}

const installerUnit = 'coreos-installer.service'

/** OpenSSL then trusts this CA and no other: https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/ */
const trust = {
  name: 'slipway-ca.conf',
  contents: lines(['[Service]', `Environment=SSL_CERT_FILE=${authorityPath}`]),
}

/** Ignition accepts each name of a unit once. */
function withTrust(units: readonly Unit[]): Unit[] {
  const others = units.filter(({ name }) => name !== installerUnit)
  const own = units.find(({ name }) => name === installerUnit)
  return [...others, { name: installerUnit, dropins: [...(own?.dropins ?? []), trust] }]
}

function textUrl(text: string): string {
  return dataUrl(new TextEncoder().encode(text))
}
