/** Boot loaders: those that the site names, else those that the distributions' ipxe packages install. */
import { loaderNames, type FileFact, type LoaderName } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'
import { missing, scanFile } from './file.ts'

export type LoaderPlaces = Readonly<Record<LoaderName, readonly string[]>>

/**
 * Debian's `ipxe` (arm64 since Debian 13), then Fedora's `ipxe-bootimgs-x86` and `ipxe-bootimgs-aarch64`;
 * of the latter two, the newest Enterprise Linux keeps only undionly and snponly.
 */
export const packagedLoaders: LoaderPlaces = {
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
  'arm64/snponly.efi': 'install it (dnf install ipxe-bootimgs-aarch64; Debian has none)',
}

/** A file that the site names stands for every loader of its kind of machine; the operator has chosen. */
export async function scanLoaders(
  named: Site['tftp']['loaders'],
  places: LoaderPlaces,
): Promise<ReadonlyMap<LoaderName, FileFact>> {
  const facts = await Promise.all(
    loaderNames.map(async (name) => {
      const file = named[keys[name]]
      return [name, await (file === undefined ? packaged(name, places[name]) : scanFile(file))] as const
    }),
  )
  return new Map(facts)
}

async function packaged(name: LoaderName, places: readonly string[]): Promise<FileFact> {
  const facts = await Promise.all(places.map(scanFile))
  const found = facts.find((fact) => fact.kind === 'found')
  if (found !== undefined) return found
  const choice = `or name a file as tftp.loaders.${keys[name]} in the site`
  return missing(places[0] ?? name, `no ${name} at ${places.join(' or ')}: ${remedies[name]}, ${choice}`)
}
