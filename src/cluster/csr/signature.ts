/** Whether who asks for a certificate holds its key: the signature of a PKCS#10 request (RFC 2986 §4.2). */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'

/** By object identifier (RFC 4055, RFC 5758, RFC 8410). SHA-1, PSS and DSA are not among what kubelets use. */
const algorithms: Readonly<Record<string, { readonly key: string; readonly hash?: string }>> = {
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519' },
}

/** Of those that both Node and the API server read. */
const curves = ['prime256v1', 'secp384r1', 'secp521r1']
const leastBits = 2048
const mostBits = 8192

/**
 * @param key SubjectPublicKeyInfo @param signed what the signature is about
 * @returns what is wrong, which ends the sentence `its request …`
 */
export function signatureFlaw(
  key: ArrayBuffer,
  algorithm: string,
  signed: ArrayBuffer,
  signature: ArrayBuffer,
): string | undefined {
  const known = Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined
  if (known === undefined) return `is signed by an algorithm that no kubelet uses (${algorithm})`
  let publicKey: KeyObject
  try {
    publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })
  } catch {
    return 'has a key that cannot be read'
  }
  if (publicKey.asymmetricKeyType !== known.key) return 'is not signed by its own key'
  const weakness = weaknessOf(publicKey)
  if (weakness !== undefined) return weakness
  // No hash of its own is what Ed25519 wants.
  const isSigned = verify(known.hash ?? null, Buffer.from(signed), publicKey, Buffer.from(signature))
  return isSigned ? undefined : 'is not signed by its own key'
}

function weaknessOf({ asymmetricKeyDetails: details = {} }: KeyObject): string | undefined {
  const { namedCurve, modulusLength: bits } = details
  if (namedCurve !== undefined && !curves.includes(namedCurve)) return `has a key of the curve ${namedCurve}`
  if (bits === undefined || (bits >= leastBits && bits <= mostBits)) return undefined
  return `has an RSA key of ${bits} bits, expected ${leastBits} to ${mostBits}`
}
