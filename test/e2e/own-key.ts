/** Signs programs for UEFI with a key that is enrolled in the firmware `own-keys`: the test key of the package ovmf. */
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output, run } from './process.ts'
import type { Rig } from './rig.ts'

const certificate = '/usr/share/ovmf/PkKek-1-snakeoil.pem'
const encryptedKey = '/usr/share/ovmf/PkKek-1-snakeoil.key'

export type Signer = (from: string, to: string) => Promise<void>

/** Returns a function that signs a loader or a kernel. @param dir for the key; created if it does not exist */
export async function createSigner(dir: string): Promise<Signer> {
  const key = join(dir, 'own.key')
  await mkdir(dir, { recursive: true })
  await output(['openssl', 'rsa', '-in', encryptedKey, '-passin', 'pass:snakeoil', '-out', key])
  return async (from, to) => {
    await output(['sbsign', '--key', key, '--cert', certificate, '--output', to, from])
  }
}

/** Creates a directory with the image of the other checks, whose kernel is signed. */
export async function signImage({ payload }: Pick<Rig, 'payload'>, sign: Signer, dir: string): Promise<void> {
  await mkdir(dir)
  for (const file of await readdir(payload.imagesDir)) {
    const from = join(payload.imagesDir, file)
    if (file.includes('-kernel-')) await sign(from, join(dir, file))
    else await symlink(from, join(dir, file))
  }
}

/** Removes all signatures of a file: a shim can have several, of the CAs of 2011 and 2023. */
export async function removeSignatures(file: string): Promise<void> {
  for (let status: number | undefined = 0; status === 0;)
    status = (await run(['sbattach', '--remove', file])).status
}

/** Returns a shim whose generation is older than the revocations that it contains, signed with the test key. */
export async function createRevokedShim(rig: Rig): Promise<string> {
  const dir = join(rig.dir, 'revoked')
  await rm(dir, { recursive: true, force: true })
  const sign = await createSigner(dir)
  const [plain, old, signed] = ['plain.efi', 'old.efi', 'shimx64.efi'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  await cp(join(rig.payload.signedDir, 'shimx64.efi.signed'), plain)
  await removeSignatures(plain)
  const text = (await readFile(plain)).toString('latin1').replace(/shim,\d+,UEFI shim/, 'shim,1,UEFI shim')
  await writeFile(old, text, 'latin1')
  await sign(old, signed)
  return signed
}
