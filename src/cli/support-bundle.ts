/** A support bundle: text files in a compressed archive, without secrets. Pure apart from the compression. */
import { gzipSync } from 'node:zlib'
import { encodeHeader, paddingAfter, blockOctets } from '../images/tar.ts'

/** Keys whose values are removed from JSON. */
const secretKey =
  /token|secret|password|passphrase|kubeconfig|credential|authorization|private|ignitionfile|contents|data$/i

/** Text that is a secret wherever it is. */
const secretTexts: readonly RegExp[] = [
  // The token of an installation: /boot/CLUSTER/NODE/TOKEN/…
  /(?<=\/boot\/[^/\s"]{1,100}\/[^/\s"]{1,100}\/)[\w-]{16,}/g,
  // A block of PEM, with or without escaped line feeds.
  /-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g,
  // JSON Web Tokens, and the static tokens of kubeconfigs.
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /sha256~[\w-]{20,}/g,
  // Password hashes of crypt(5).
  /\$(?:1|2[aby]|5|6|y|gy)\$[^\s"':,]{8,}/g,
  // Data URLs of Ignition files.
  /data:[^\s"',]{0,100},[^\s"']{16,}/g,
  // URLs with a user and a password.
  /(?<=:\/\/)[^\s/@"']+:[^\s/@"']+(?=@)/g,
  // "auth" of pull secrets, and key-value pairs in text.
  /(?<="auth"\s{0,5}:\s{0,5}")[^"]+/g,
  /(?<=\b(?:token|password|passwd|secret|pullSecret|pull_secret)["']?\s{0,5}[:=]\s{0,5}["']?)[^\s"',}]+/gi,
]

export const removed = '[removed]'

/** Removes secrets from text of any kind. */
export function redactText(text: string): string {
  return secretTexts.reduce((current, pattern) => current.replaceAll(pattern, removed), text)
}

/** Removes secrets from a value that becomes JSON. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redact)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      secretKey.test(key) && typeof each !== 'boolean' && typeof each !== 'number' ? removed : redact(each),
    ]),
  )
}

export type BundleFile = { readonly name: string; readonly content: string | object }

/** Returns a .tar.gz file. Every file passes the removal of secrets. @param at milliseconds since 1970 */
export function packBundle(files: readonly BundleFile[], at: number): Uint8Array {
  const parts = files.flatMap(({ name, content }) => {
    const text =
      typeof content === 'string' ? redactText(content) : JSON.stringify(redact(content), undefined, 2)
    const octets = new TextEncoder().encode(text)
    const header = encodeHeader({ path: name, octets: octets.length, modifiedSeconds: Math.floor(at / 1000) })
    return [header, octets, new Uint8Array(paddingAfter(octets.length))]
  })
  return gzipSync(Buffer.concat([...parts, new Uint8Array(2 * blockOctets)]))
}
