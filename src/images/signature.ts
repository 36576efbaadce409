/**
 * Detached OpenPGP signatures of the files of an image. `gpgv` of GnuPG verifies them: it is installed on Debian and on
 * Red Hat systems. slipway contains no keys: the administrator gives them, or the system has them.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../host/command.ts'
import { fileProblem } from '../text/file-problem.ts'
import { ImageProblem } from './codes.ts'

export type PublicKeys = {
  /** OpenPGP packets of all keys. */
  readonly octets: Uint8Array
  /** Whether the administrator named them: then every file must have a valid signature. */
  readonly isGiven: boolean
}

export type Signing =
  /** Every file has a valid signature; `keys` are the fingerprints of the signers. */
  | { readonly kind: 'signed'; readonly keys: readonly string[] }
  | { readonly kind: 'not-verified'; readonly reason: string }
  /** A sentence for each file whose signature does not match its content. */
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

type SignedFile = { readonly name: string; readonly signature?: string | undefined }

/** Where Red Hat systems have the keys of their distribution, and where an administrator can add some. */
const keyDirectories = ['/etc/pki/rpm-gpg', '/etc/slipway/keys']

/** A signature has a few hundred bytes. */
export const maxSignatureOctets = 16 * 1024
/** The largest file has 2 GiB. */
const timeoutMs = 300_000

/**
 * Reads public keys: those of the given files, else those that the system has.
 *
 * @returns `undefined` if there are none
 * @throws {ImageProblem} when a given file cannot be read, or has no public key
 */
export async function readPublicKeys(
  given: readonly string[],
  directories = keyDirectories,
): Promise<PublicKeys | undefined> {
  if (given.length > 0) {
    return { octets: Buffer.concat(await Promise.all(given.map(readGivenKey))), isGiven: true }
  }
  const paths = await Promise.all(
    directories.map(async (directory) => {
      const names = await readdir(directory).catch(() => [])
      return names.sort().map((name) => join(directory, name))
    }),
  )
  const found = await Promise.all(
    paths.flat().map((path) => readFile(path).then(keyPackets, () => undefined)),
  )
  const octets = Buffer.concat(found.filter((each) => each !== undefined))
  return octets.length === 0 ? undefined : { octets, isGiven: false }
}

async function readGivenKey(path: string): Promise<Uint8Array> {
  const content = await readFile(path).catch((error: unknown) => {
    throw new ImageProblem('image.key-invalid', fileProblem('read', `the public key ${path}`, error))
  })
  const packets = keyPackets(content)
  if (packets !== undefined) return packets
  const hint = 'export one with "gpg --armor --export KEY"'
  throw new ImageProblem('image.key-invalid', `${path} does not contain an OpenPGP public key: ${hint}`)
}

/** Returns the packets of a file in binary or ASCII form; `undefined` for other files. */
function keyPackets(content: Buffer): Uint8Array | undefined {
  // The packet of a public key, in the old and in the new format of OpenPGP.
  if (content.length > 0 && [0x98, 0x99, 0xc6].includes(content[0] as number)) return content
  const blocks = content
    .toString('latin1')
    .matchAll(/-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n((?:.*: .*\r?\n)*)\s*([A-Za-z0-9+/=\s]+?)-----END/g)
  // The checksum starts with an equals sign, on a line of its own.
  const packets = [...blocks].map(([, , body = '']) => Buffer.from(body.replace(/^=.*$/m, ''), 'base64'))
  return packets.length === 0 ? undefined : Buffer.concat(packets)
}

/** Verifies the signatures of all files of an image in `dir`; each is in base64. Never rejects for a bad signature. */
export async function verifySignatures(
  dir: string,
  files: readonly SignedFile[],
  keys: PublicKeys | undefined,
): Promise<Signing> {
  const unsigned = files.find(({ signature }) => signature === undefined)
  if (unsigned !== undefined) return notVerified(`the release has no signature of ${unsigned.name}`)
  if (keys === undefined) return notVerified('no public key was found: give one with --key')
  const folder = await mkdtemp(join(tmpdir(), 'slipway-keys-'))
  try {
    await writeFile(join(folder, 'keys.gpg'), keys.octets)
    const signers = new Set<string>()
    const problems: string[] = []
    let reason: string | undefined
    for (const { name, signature = '' } of files) {
      const path = join(folder, 'signature')
      await writeFile(path, Buffer.from(signature, 'base64'))
      const found = await runGpgv(folder, path, join(dir, name))
      if (found.kind === 'signed') signers.add(found.key)
      else if (found.kind === 'wrong') problems.push(`${join(dir, name)} does not match its signature`)
      else reason ??= `${name}: ${found.reason}`
    }
    if (problems.length > 0) return { kind: 'wrong', problems }
    return reason === undefined ? { kind: 'signed', keys: [...signers] } : notVerified(reason)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function notVerified(reason: string): Signing {
  return { kind: 'not-verified', reason }
}

type OneSignature =
  | { readonly kind: 'signed'; readonly key: string }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'not-verified'; readonly reason: string }

/** The lines of `--status-fd` are stable (doc/DETAILS of GnuPG); its other output depends on the language. */
async function runGpgv(folder: string, signature: string, path: string): Promise<OneSignature> {
  const options = ['--homedir', folder, '--keyring', join(folder, 'keys.gpg'), '--status-fd', '1']
  const { kind, output, ending } = await runCommand('gpgv', [...options, signature, path], timeoutMs)
  if (kind === 'missing') return { kind: 'not-verified', reason: 'gpgv is not installed: install GnuPG' }
  const status = (word: string) => new RegExp(`^\\[GNUPG:\\] ${word} (\\S+)`, 'm').exec(output)?.[1]
  const key = status('VALIDSIG')
  if (kind === 'done' && key !== undefined) return { kind: 'signed', key }
  if (status('BADSIG') !== undefined) return { kind: 'wrong' }
  const unknown = status('NO_PUBKEY')
  const reason =
    unknown === undefined
      ? `gpgv cannot verify its signature (${ending})`
      : `signed with the key ${unknown}, which is not one of the public keys`
  return { kind: 'not-verified', reason }
}
