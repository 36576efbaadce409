/** OpenPGP keys that a test makes with GnuPG, and signatures with them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export type Signer = {
  readonly fingerprint: string
  /** The public key, in binary and in ASCII form. */
  readonly key: Buffer
  readonly armored: Buffer
  /** Returns the detached signature of a text. */
  sign(content: string | Buffer): Buffer
}

const programs = ['gpg', 'gpg-agent', 'gpgconf', 'gpgv']

/** Reason for `skip`; false where GnuPG can be used. */
export const noGnupg =
  programs.some((program) => spawnSync(program, ['--version']).status !== 0) &&
  `needs ${programs.join(', ')}, which the end-to-end test installs`

/** Returns a signer for each name, whose keys exist until the end of the test. */
export function createSigners<const Names extends readonly string[]>(
  t: Pick<Test, 'teardown'>,
  names: Names,
): { readonly [index in keyof Names]: Signer } {
  // A short path: the socket of gpg-agent has at most 108 characters.
  const home = mkdtempSync(join(tmpdir(), 'gpg-'))
  t.teardown(() => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
    rmSync(home, { recursive: true })
  })
  const gpg = (args: readonly string[], input: string | Buffer = '') =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args], { input })
  return names.map((name): Signer => {
    const user = `${name}@example.com`
    gpg(['--quick-generate-key', user, 'ed25519', 'sign', 'never'])
    const listing = gpg(['--with-colons', '--list-keys', user]).toString()
    return {
      fingerprint: /^fpr:+(\w+):/m.exec(listing)?.[1] as string,
      key: gpg(['--export', user]),
      armored: gpg(['--armor', '--export', user]),
      sign: (content) => gpg(['--local-user', user, '--detach-sign'], content),
    }
  }) as { readonly [index in keyof Names]: Signer }
}
