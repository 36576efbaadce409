/** The site of the guide's cluster on the second network: the example of this project with the files of this run. */
import { readFile } from 'node:fs/promises'

export type GuideNode = { readonly name: string; readonly mac: string; readonly address: string }

export const guide = {
  cluster: 'ocp45',
  domain: 'ocp45.example.localdomain',
  appliance: '172.16.0.101',
  api: '172.16.0.111',
  apiInternal: '172.16.0.110',
  ingress: '172.16.0.111',
  bootstrap: '172.16.0.11',
  masters: ['172.16.0.21', '172.16.0.22', '172.16.0.23'],
  workers: ['172.16.0.31', '172.16.0.32', '172.16.0.33'],
  /** Added later. */
  infra: ['172.16.0.41', '172.16.0.42', '172.16.0.43'],
  /** Addresses of the cluster's users. */
  users: ['172.16.0.201', '172.16.0.202', '172.16.0.203', '172.16.0.204', '172.16.0.205', '172.16.0.206'],
} as const

/** Changes of the site during the life cycle of the cluster; without changes it is the example. */
export type GuideChanges = {
  readonly hasInfra?: boolean
  /** Names of nodes with `balance: false`. */
  readonly unbalanced?: readonly string[]
  /** Names of nodes that are removed from the site. */
  readonly without?: readonly string[]
  /** Other files of HAProxy, in brackets, if the site's file is one of several. */
  readonly haproxyWith?: string
  /** Any other change of the text. */
  readonly edit?: (text: string) => string
}

export type GuideFiles = {
  readonly imagesDir: string
  /** Has the Ignition files and the kubeconfig, as `openshift-install` writes them. */
  readonly installDir: string
  readonly haproxy: { readonly file: string; readonly socket: string; readonly reload: string }
}

const example = new URL('../../config/site.example.yaml', import.meta.url)

export async function guideSite(files: GuideFiles, changes: GuideChanges = {}): Promise<string> {
  const {
    haproxyWith,
    hasInfra = false,
    unbalanced = [],
    without = [],
    edit = (text: string) => text,
  } = changes
  const { file, socket, reload } = files.haproxy
  const withFiles = haproxyWith === undefined ? '' : `, with: ${haproxyWith}`
  let text = await readFile(example, 'utf8')
  const replace = (old: RegExp | string, next: string): void => {
    const changed = text.replace(old, next)
    if (changed === text) throw new Error(`config/site.example.yaml has no ${String(old)}`)
    text = changed
  }
  replace('interface: ens4', 'interface: srv0')
  replace('/var/lib/slipway/images/rhcos-4.17', JSON.stringify(files.imagesDir))
  replace('/root/openshift/installdir', JSON.stringify(files.installDir))
  replace('    disk: /dev/sda\n', '    disk: /dev/vda\n    approve: declared\n')
  replace(
    /^haproxy: .*$/m,
    `haproxy: { file: ${file}, socket: ${socket}, reload: ${JSON.stringify(reload)}${withFiles} }`,
  )
  if (hasInfra) {
    for (const number of [1, 2, 3]) {
      replace(
        `# - { name: i${number}, role: infra, mac: ""`,
        `- { name: i${number}, role: infra, mac: "00:50:56:96:41:0${number}"`,
      )
    }
  }
  for (const name of unbalanced) replace(`{ name: ${name},`, `{ name: ${name}, balance: false,`)
  for (const name of without) replace(new RegExp(`^ *- { name: ${name},.*\\n`, 'm'), '')
  return edit(text)
}

/** Returns the MAC address of a node from the text of the site. */
export function macOf(name: string, text: string): string {
  const [, mac] = new RegExp(`name: ${name},.*mac: "([^"]+)"`).exec(text) ?? []
  if (mac === undefined) throw new Error(`the site has no node ${name}`)
  return mac
}
