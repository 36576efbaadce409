/** Machines with other operating systems, in the groups of a small site. */
import { readFileSync } from 'node:fs'
import type { AddedFileFact, Facts, IgnitionFact, ImageFacts } from '../../src/plan/facts.ts'
import { buildModel, type Model, type NodeModel } from '../../src/plan/model.ts'
import type { OtherSystem } from '../../src/site/other-systems.ts'
import { siteSchema, type Site } from '../../src/site/schema.ts'
import { completeFacts, exampleSite, found, ignitionFile, liveImage } from './model.ts'
import { loadInstallerYaml } from '../../src/plan/systems/review/yaml.ts'

// A scan loads it for a site with answer files.
await loadInstallerYaml()

/** Returns one of the answer files that the package contains. */
export function answerText(name: string): string {
  return readFileSync(new URL(`../../config/answers/${name}`, import.meta.url), 'utf8')
}

/** An image with all its files. */
export function systemImage(os: Exclude<OtherSystem, 'fcos'>, dir: string): ImageFacts {
  const download = {
    ubuntu: 'ubuntu-24.04-live-server-amd64.iso',
    flatcar: 'flatcar_production_image.bin.bz2',
  }
  const rootfs = os in download ? download[os as keyof typeof download] : undefined
  return {
    style: 'system',
    os,
    kernel: found(`${dir}/vmlinuz`),
    initramfs: found(`${dir}/initrd.img`),
    ...(rootfs !== undefined && { rootfs: found(`${dir}/${rootfs}`) }),
  }
}

export function textFact(path: string, text: string): AddedFileFact {
  const content = new TextEncoder().encode(text)
  return { kind: 'found', path, octets: content.length, content }
}

/** Returns the answer files of a site whose systems read no Ignition: those of the package, or a stand-in. */
export function systemFacts(site: Site, texts: Readonly<Record<string, string>> = {}): Partial<Facts> {
  const paths = site.groups.flatMap(({ answers = [], nodes }) => [
    ...answers,
    ...nodes.flatMap((node) => node.answers ?? []),
  ])
  const text = (path: string) => texts[path] ?? answerText(path.slice(path.lastIndexOf('/') + 1))
  const isIgnition = (path: string) => path.endsWith('.ign')
  return {
    images: new Map(
      Object.entries(site.images).map(([name, { os = 'rhcos', dir }]) => [
        name,
        os === 'rhcos' || os === 'fcos' ? liveImage(dir) : systemImage(os, dir),
      ]),
    ),
    addedFiles: new Map(
      paths.filter((path) => !isIgnition(path)).map((path) => [path, textFact(path, text(path))]),
    ),
    systemIgnition: new Map<string, IgnitionFact>(
      paths.filter(isIgnition).map((path) => [path, ignitionFile(path)]),
    ),
  }
}

type SystemSite = {
  readonly os: OtherSystem
  /** Keys of the group beside those of a complete one. */
  readonly group?: Readonly<Record<string, unknown>>
  readonly node?: Readonly<Record<string, unknown>>
  /** Texts of answer files by path. */
  readonly texts?: Readonly<Record<string, string>>
  readonly facts?: Partial<Facts>
}

/** A site with the cluster of {@link exampleSite} and one machine, `web/web1`. */
export function systemModel({ os, group = {}, node = {}, texts = {}, facts = {} }: SystemSite): Model {
  const machine = { name: 'web1', mac: '00:00:5e:00:53:41', address: '192.0.2.41', ...node }
  const given = exampleSite()
  const site = siteSchema.parse({
    ...given,
    images: { ...given.images, other: { dir: '/srv/other', os } },
    groups: [
      { name: 'web', domain: 'example.org', image: 'other', disk: '/dev/sda', ...group, nodes: [machine] },
    ],
  })
  const { images, ...files } = systemFacts(site, texts)
  const complete = completeFacts(given)
  return buildModel(site, {
    ...complete,
    images: new Map([...complete.images, ...(images as Facts['images'])]),
    ...files,
    ...facts,
  })
}

export function systemNode(model: Model): NodeModel {
  return model.nodes.at(-1) as NodeModel
}
