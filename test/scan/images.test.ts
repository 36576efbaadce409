import { symlinkSync } from 'node:fs'
import t from 'tap'
import type { FileFact, DeclaredImageFacts } from '../../src/plan/facts.ts'
import type { Image } from '../../src/site/schema.ts'
import { scanImage } from '../../src/scan/images.ts'

/** The names of what was found and the problems of what was not, with the folder as `DIR`. */
function told(facts: DeclaredImageFacts, dir: string): Record<string, string> {
  const tell = (fact: FileFact) =>
    (fact.kind === 'found' ? fact.path.slice(dir.length + 1) : `! ${fact.problem}`).replaceAll(dir, 'DIR')
  const { kernel, initramfs } = facts
  const third = facts.style === 'installer' ? facts.metal : facts.rootfs
  return {
    style: facts.style,
    kernel: tell(kernel),
    initramfs: tell(initramfs),
    third: third === undefined ? 'none' : tell(third),
  }
}

const dashed = [
  'rhcos-4.17.0-x86_64-live-kernel-x86_64',
  'rhcos-4.17.0-x86_64-live-initramfs.x86_64.img',
  'rhcos-4.17.0-x86_64-live-rootfs.x86_64.img',
] as const
const dotted = [
  'rhcos-live-kernel.x86_64',
  'rhcos-live-initramfs.x86_64.img',
  'rhcos-live-rootfs.x86_64.img',
] as const
const coreos = [
  'fedora-coreos-42.20250914.3.0-live-kernel.aarch64',
  'fedora-coreos-42.20250914.3.0-live-initramfs.aarch64.img',
  'fedora-coreos-42.20250914.3.0-live-rootfs.aarch64.img',
] as const
const old = [
  'rhcos-4.5.6-x86_64-installer-kernel-x86_64',
  'rhcos-4.5.6-x86_64-installer-initramfs.x86_64.img',
  'rhcos-4.5.6-x86_64-metal.x86_64.raw.gz',
] as const

const agent = ['agent.x86_64-vmlinuz', 'agent.x86_64-initrd.img', 'agent.x86_64-rootfs.img'] as const
const added = ['node.x86_64-vmlinuz', 'node.x86_64-initrd.img', 'node.x86_64-rootfs.img'] as const

const found = (style: string, [kernel, initramfs, third]: readonly [string, string, string]) => ({
  style,
  kernel,
  initramfs,
  third,
})

const cases: {
  name: string
  files: readonly string[]
  image?: Partial<Image>
  expected: Record<string, string>
}[] = [
  { name: 'names of releases up to 4.18', files: dashed, expected: found('live', dashed) },
  { name: 'names of releases since 4.19 and of the mirror', files: dotted, expected: found('live', dotted) },
  {
    name: 'names of Fedora CoreOS',
    files: coreos,
    image: { architecture: 'aarch64' },
    expected: found('live', coreos),
  },
  { name: 'names of 4.5', files: old, expected: found('installer', old) },
  { name: 'names of the agent-based installer', files: agent, expected: found('agent', agent) },
  { name: 'names of files for added nodes', files: added, expected: found('agent', added) },
  {
    name: 'files for a first installation and for added nodes: the site selects one of them',
    files: [...agent, ...added],
    image: { kernel: added[0], initramfs: added[1], rootfs: added[2] },
    expected: found('agent', added),
  },
  {
    name: 'agent files beside a live release',
    files: [...dotted, ...agent],
    expected: found('live', dotted),
  },
  {
    name: 'a live release with metal images in the same directory',
    files: [...dotted, 'rhcos-metal.x86_64.raw.gz', 'rhcos-metal4k.x86_64.raw.gz'],
    expected: found('live', dotted),
  },
  {
    name: 'an old release with a second metal image for disks of 4 KiB sectors',
    files: [...old, 'rhcos-4.5.6-x86_64-metal4k.x86_64.raw.gz'],
    expected: found('installer', old),
  },
  {
    name: 'signatures, checksums, dotfiles, and unfinished downloads',
    files: [
      ...dotted,
      ...dotted.map((each) => `${each}.sig`),
      '.rhcos-live-kernel.x86_64',
      'rhcos-live-rootfs.x86_64.img.part',
      'rhcos-live-kernel.x86_64.sha256',
    ],
    expected: found('live', dotted),
  },
  {
    name: 'two architectures in one directory',
    files: [...dotted, ...coreos],
    expected: found('live', dotted),
  },
  {
    name: 'names without an architecture match any architecture',
    files: ['live-kernel', 'live-initramfs.img', 'live-rootfs.img'],
    image: { architecture: 'aarch64' },
    expected: found('live', ['live-kernel', 'live-initramfs.img', 'live-rootfs.img']),
  },
  {
    name: 'files that the site names replace those that were found, whatever their names',
    files: [...dashed, ...dotted, 'vmlinuz', 'initrd.img', 'rootfs'],
    image: { kernel: 'vmlinuz', initramfs: 'initrd.img', rootfs: 'rootfs' },
    expected: found('live', ['vmlinuz', 'initrd.img', 'rootfs']),
  },
  {
    name: 'a metal image that the site names selects the installer style, even beside live files',
    files: [...dotted, ...old, 'rhcos-metal4k.x86_64.raw.gz'],
    image: { metal: 'rhcos-metal4k.x86_64.raw.gz' },
    expected: found('installer', [old[0], old[1], 'rhcos-metal4k.x86_64.raw.gz']),
  },
  {
    name: 'several releases in one directory are ambiguous',
    files: [...dashed, ...dotted],
    expected: {
      style: 'live',
      kernel: `! several files in DIR can be the kernel (${dashed[0]}, ${dotted[0]}): set kernel in the image`,
      initramfs: `! several files in DIR can be the initramfs (${dashed[1]}, ${dotted[1]}): set initramfs in the image`,
      third: `! several files in DIR can be the rootfs (${dashed[2]}, ${dotted[2]}): set rootfs in the image`,
    },
  },
  {
    name: 'only files of another architecture',
    files: coreos,
    expected: {
      style: 'live',
      kernel: `! no *live-kernel* for x86_64 in DIR, only ${coreos[0]}; put the kernel of the release there`,
      initramfs: `! no *live-initramfs* for x86_64 in DIR, only ${coreos[1]}; put the initramfs of the release there`,
      third: `! no *live-rootfs* for x86_64 in DIR, only ${coreos[2]}; put the rootfs of the release there`,
    },
  },
  {
    name: 'a named file whose name shows another architecture',
    files: [...dotted, ...coreos],
    image: { kernel: coreos[0] },
    expected: {
      ...found('live', dotted),
      kernel: `! DIR/${coreos[0]} is for aarch64, but the image is for x86_64`,
    },
  },
  {
    name: 'a named file that does not exist',
    files: dotted,
    image: { rootfs: 'rootfs.img' },
    expected: { ...found('live', dotted), third: '! DIR/rootfs.img does not exist' },
  },
  {
    name: 'a part of an old release is missing',
    files: old.slice(0, 2),
    expected: {
      ...found('installer', old),
      third: '! no *metal*.raw.gz for x86_64 in DIR; put the metal of the release there',
    },
  },
  {
    name: 'an empty directory is expected to contain a live release',
    files: [],
    expected: {
      style: 'live',
      kernel: '! no *live-kernel* for x86_64 in DIR; put the kernel of the release there',
      initramfs: '! no *live-initramfs* for x86_64 in DIR; put the initramfs of the release there',
      third: '! no *live-rootfs* for x86_64 in DIR; put the rootfs of the release there',
    },
  },
]

for (const { name, files, image, expected } of cases) {
  t.test(name, async (t) => {
    const dir = t.testdir(Object.fromEntries(files.map((file) => [file, 'x'])))
    t.same(told(await scanImage({ dir, architecture: 'x86_64', ...image }), dir), expected)
  })
}

t.test('files have a size; empty files and directories do not count', async (t) => {
  const dir = t.testdir({ 'live-kernel': 'four', 'live-initramfs.img': '', 'live-rootfs.img': {} })
  const facts = await scanImage({ dir, architecture: 'x86_64' })
  t.same(facts.kernel, { kind: 'found', path: `${dir}/live-kernel`, octets: 4 })
  t.same(told(facts, dir), {
    style: 'live',
    kernel: 'live-kernel',
    initramfs: '! DIR/live-initramfs.img is empty',
    third: '! DIR/live-rootfs.img is a directory, not a file',
  })
})

t.test('a link to a file is followed, and a loop of links is reported', async (t) => {
  const dir = t.testdir({ real: 'x' })
  symlinkSync('real', `${dir}/live-kernel`)
  symlinkSync('live-initramfs', `${dir}/live-initramfs`)
  symlinkSync('nothing', `${dir}/live-rootfs`)
  t.same(told(await scanImage({ dir, architecture: 'x86_64' }), dir), {
    style: 'live',
    kernel: 'live-kernel',
    initramfs: '! DIR/live-initramfs is a loop of symbolic links',
    third: '! DIR/live-rootfs does not exist',
  })
})

t.test(
  'a directory that cannot be listed is reported with the reason, and the files that the site names are still found',
  async (t) => {
    const dir = t.testdir({ file: 'x' })
    const rest = '; download them with "slipway images add", or put the files of the release there'
    const absent = await scanImage({ dir: `${dir}/none`, architecture: 'x86_64', metal: 'm' })
    t.same(told(absent, dir), {
      style: 'installer',
      kernel: `! DIR/none does not exist${rest}`,
      initramfs: `! DIR/none does not exist${rest}`,
      third: '! DIR/none/m does not exist',
    })
    const file = await scanImage({ dir: `${dir}/file`, architecture: 'x86_64' })
    t.match(told(file, dir), {
      kernel: `! DIR/file does not exist: a part of the path is a file, not a directory${rest}`,
    })
    const debian = await scanImage({ dir: `${dir}/none`, architecture: 'x86_64', os: 'debian' })
    t.match(told(debian, dir), { kernel: '! DIR/none does not exist; put the files of the release there' })
  },
)

t.test(
  'an agent image has the arguments of the script beside its files, and a list of its secrets',
  async (t) => {
    const script = (more: string) => `#!ipxe
initrd --name initrd http://192.0.2.9/agent.x86_64-initrd.img
kernel http://192.0.2.9/agent.x86_64-vmlinuz initrd=initrd coreos.live.rootfs_url=http://192.0.2.9/agent.x86_64-rootfs.img rw ignition.firstboot ${more}
boot
`
    const files = Object.fromEntries([...agent, 'agent.x86_64.iso', 'master.ign'].map((name) => [name, 'x']))
    const dir = t.testdir({ ...files, 'agent.x86_64.ipxe': script('fips=1') })
    const facts = await scanImage({ dir, architecture: 'x86_64' })
    t.match(facts, { style: 'agent', kernelArguments: ['rw', 'ignition.firstboot', 'fips=1'] })
    t.same([...(facts.secrets ?? [])].sort(), ['agent.x86_64-initrd.img', 'agent.x86_64.iso', 'master.ign'])

    const others = { 'node.x86_64.ipxe': script('node=1'), 'agent.aarch64.ipxe': script('arm=1') }
    const both = t.testdir({
      ...files,
      ...Object.fromEntries(added.map((name) => [name, 'x'])),
      ...others,
      'agent.x86_64.ipxe': script(''),
    })
    const [kernel, initramfs, rootfs] = added
    const node = await scanImage({ dir: both, architecture: 'x86_64', kernel, initramfs, rootfs })
    t.match(node, { kernelArguments: ['rw', 'ignition.firstboot', 'node=1'] })

    const unclear = { none: undefined, empty: '#!ipxe\nboot\n', large: script('x'.repeat(70_000)) }
    for (const [name, text] of Object.entries(unclear)) {
      const dir = t.testdir({ ...files, ...(text === undefined ? {} : { 'agent.x86_64.ipxe': text }) })
      t.equal('kernelArguments' in (await scanImage({ dir, architecture: 'x86_64' })), false, name)
    }
  },
)

t.test('an agent image has the time of its initramfs', async (t) => {
  const dir = t.testdir(Object.fromEntries(agent.map((name) => [name, 'x'])))
  const facts = await scanImage({ dir, architecture: 'x86_64' })
  t.ok(facts.style === 'agent' && Math.abs((facts.madeAt ?? 0) - Date.now()) < 60_000)
})
