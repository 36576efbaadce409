/** Finds boot loaders: those that the site names, or those of the ipxe packages of distributions. */
import { loaderNames, type FileFact, type LoaderName } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'
import { missing, scanFile } from './file.ts'

export type LoaderPaths = Readonly<Record<LoaderName, readonly string[]>>

/**
 * Paths in Debian's `ipxe` (arm64 since Debian 13), then in Fedora's `ipxe-bootimgs-x86` and `ipxe-bootimgs-aarch64`, of
 * which the newest Enterprise Linux has only undionly and snponly.
 */
export const packagedLoaders: LoaderPaths = {
  'bios/undionly.kpxe': ['/usr/lib/ipxe/undionly.kpxe', '/usr/share/ipxe/undionly.kpxe'],
  'efi/ipxe.efi': ['/usr/lib/ipxe/ipxe.efi', '/usr/share/ipxe/ipxe-x86_64.efi'],
  'efi/snponly.efi': ['/usr/lib/ipxe/snponly.efi', '/usr/share/ipxe/ipxe-snponly-x86_64.efi'],
  'arm64/ipxe.efi': ['/usr/lib/ipxe/ipxe-arm64.efi', '/usr/share/ipxe/arm64-efi/ipxe.efi'],
  'arm64/snponly.efi': ['/usr/share/ipxe/arm64-efi/snponly.efi'],
}

type Key = keyof Site['tftp']['loaders']

const keys: Readonly<Record<LoaderName, Key>> = {
  'bios/undionly.kpxe': 'bios',
  'efi/ipxe.efi': 'x64',
  'efi/snponly.efi': 'x64',
  'arm64/ipxe.efi': 'arm64',
  'arm64/snponly.efi': 'arm64',
}

const x86Package = 'install it (apt install ipxe, or dnf install ipxe-bootimgs-x86)'
const remedies: Readonly<Record<LoaderName, string>> = {
  'bios/undionly.kpxe': x86Package,
  'efi/ipxe.efi': x86Package,
  'efi/snponly.efi': x86Package,
  'arm64/ipxe.efi':
    'install it (apt install ipxe on Debian 13 or later, or dnf install ipxe-bootimgs-aarch64)',
  'arm64/snponly.efi': 'install it (dnf install ipxe-bootimgs-aarch64; not available on Debian)',
}

/** A file that the site names is used for every loader of that kind of machine. */
export async function scanLoaders(
  named: Site['tftp']['loaders'],
  paths: LoaderPaths,
): Promise<ReadonlyMap<LoaderName, FileFact>> {
  const facts = await Promise.all(
    loaderNames.map(async (name) => {
      const file = named[keys[name]]
      const fact = file === undefined ? packaged(name, paths[name]) : scanFile(file, 'tftp.loader-missing')
      return [name, await fact] as const
    }),
  )
  return new Map(facts)
}

async function packaged(name: LoaderName, paths: readonly string[]): Promise<FileFact> {
  const facts = await Promise.all(paths.map((path) => scanFile(path, 'tftp.loader-missing')))
  const found = facts.find((fact) => fact.kind === 'found')
  if (found !== undefined) return found
  const problem = `no ${name} at ${paths.join(' or ')}: ${remedies[name]}, or set tftp.loaders.${keys[name]}`
  return missing('tftp.loader-missing', paths[0] ?? name, problem)
}
