import { spawnSync } from 'node:child_process'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { exportImages } from '../../src/images/export.ts'
import { importImages } from '../../src/images/import.ts'
import { formatManifest, parseManifest, type Manifest } from '../../src/images/manifest.ts'
import { readStore, requireStored } from '../../src/images/store.ts'
import { blockOctets, encodeHeader, paddingAfter } from '../../src/images/tar.ts'
import { sha256 } from '../support/release.ts'

const silent = () => undefined

function manifestOf(files: Readonly<Record<string, string>>): Manifest {
  return {
    format: 1,
    release: '417.94',
    stream: 'rhcos-4.17',
    architecture: 'x86_64',
    style: 'live',
    added: '2026-11-21T09:00:00.000Z',
    files: Object.entries(files).map(([name, text]) => ({ name, octets: text.length, sha256: sha256(text) })),
  }
}

const contents = { 'rhcos-live-kernel': 'kernel', 'rhcos-live-rootfs.img': 'rootfs '.repeat(100_000) }

/** A store with one image that slipway added and one that was put there by hand. */
function twoImages(t: Test): string {
  return t.testdir({
    from: {
      one: { '.slipway-image.json': formatManifest(manifestOf(contents)), ...contents },
      agent: {
        'agent.x86_64-vmlinuz': 'vmlinuz',
        'agent.x86_64-initrd.img': 'initrd',
        'agent.x86_64.ipxe': '#!ipxe',
        auth: { kubeconfig: 'not of the image' },
      },
    },
    to: {},
  })
}

const read = (path: string) => createReadStream(path)

t.test('an exported image is identical after the import', async (t) => {
  const dir = twoImages(t)
  const { images } = await readStore(`${dir}/from`)
  const ofKilled = `${dir}/.images.tar.${spawnSync('true').pid}.new`
  writeFileSync(ofKilled, 'as large as the images')
  const { octets, hasSecrets } = await exportImages(images, `${dir}/images.tar`, silent)
  t.equal(octets, statSync(`${dir}/images.tar`).size)
  t.equal(existsSync(ofKilled), false, 'a killed export leaves no space used')
  t.equal(hasSecrets, true)
  t.equal(statSync(`${dir}/images.tar`).mode & 0o777, 0o600, 'an agent initramfs holds keys')
  const imported = await importImages(`${dir}/to`, read(`${dir}/images.tar`), silent)
  t.same(
    imported.map(({ name, outcome }) => [name, outcome]),
    [
      ['agent', 'imported'],
      ['one', 'imported'],
    ],
  )
  t.same(readdirSync(`${dir}/to`), ['agent', 'one'])
  t.same(readdirSync(`${dir}/to/agent`), [
    '.slipway-image.json',
    'agent.x86_64-initrd.img',
    'agent.x86_64-vmlinuz',
    'agent.x86_64.ipxe',
  ])
  t.equal(statSync(`${dir}/to/agent/agent.x86_64-initrd.img`).mode & 0o777, 0o640)
  t.equal(statSync(`${dir}/to/one/rhcos-live-kernel`).mode & 0o777, 0o644)
  t.equal(readFileSync(`${dir}/to/one/rhcos-live-rootfs.img`, 'utf8'), contents['rhcos-live-rootfs.img'])
  t.same((await requireStored(`${dir}/to`, 'one')).manifest, manifestOf(contents))
  t.match((await requireStored(`${dir}/to`, 'agent')).manifest, { style: 'agent', architecture: 'x86_64' })
  const again = await importImages(`${dir}/to`, read(`${dir}/images.tar`), silent)
  t.same(
    again.map(({ outcome }) => outcome),
    ['there', 'there'],
  )
})

t.test('a damaged or incomplete image is not exported, and the old archive stays', async (t) => {
  const dir = twoImages(t)
  const archive = `${dir}/images.tar`
  writeFileSync(archive, 'old')
  writeFileSync(`${dir}/from/one/rhcos-live-kernel`, 'kernex')
  const one = await requireStored(`${dir}/from`, 'one')
  await t.rejects(exportImages([one], archive, silent), {
    name: 'ImageProblem',
    message: `${dir}/from/one/rhcos-live-kernel differs from its manifest: run "slipway images verify one"`,
  })
  writeFileSync(`${dir}/from/one/rhcos-live-kernel`, 'kernel and more')
  await t.rejects(exportImages([one], archive, silent), /differs from its manifest/)
  mkdirSync(`${dir}/from/empty`)
  const empty = await requireStored(`${dir}/from`, 'empty')
  await t.rejects(exportImages([empty], archive, silent), {
    message: `${dir}/from/empty does not contain the files of a boot image`,
  })
  writeFileSync(`${dir}/from/agent/.slipway-image.json`, '{}')
  const agent = await requireStored(`${dir}/from`, 'agent')
  await t.rejects(exportImages([agent], archive, silent), /is damaged at format/)
  await t.rejects(
    exportImages([], `${dir}/none/images.tar`, silent),
    /^cannot write .*: the file or its directory does not exist; check the path/,
  )
  t.equal(readFileSync(archive, 'utf8'), 'old')
  t.same(readdirSync(dir), ['from', 'images.tar', 'to'])
})

/** The blocks of one file of an archive. */
function entry(path: string, text: string, octets = text.length): Buffer {
  const header = encodeHeader({ path, octets, modifiedSeconds: 1e9 })
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc(paddingAfter(text.length))])
}

const end = Buffer.alloc(2 * blockOctets)
const small = { kernel: 'kernel' }
const manifest = (files: Readonly<Record<string, string>> = small) =>
  entry('one/.slipway-image.json', formatManifest(manifestOf(files)))

async function* once(octets: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(octets)
}

const hostile = [
  { name: 'no content', blocks: [], message: 'the archive is incomplete: it ends too early' },
  { name: 'only an end mark', blocks: [end], message: 'the archive does not contain an image' },
  {
    name: 'text',
    blocks: [Buffer.alloc(600, 'text')],
    message: 'this is not a tar archive, or it is damaged: a header has no chksum',
  },
  ...['../kernel', '/etc/passwd', 'one/../../etc/passwd', 'kernel', 'one/two/kernel', ''].map((path) => ({
    name: `a file at ${JSON.stringify(path)}`,
    blocks: [manifest(), entry(path, 'x'), end],
    message:
      /^the archive contains .*, which is not a file of an image$|^"(?:\.\.|)" is not a valid image name/,
  })),
  {
    name: 'an image name that leads out of the store',
    blocks: [entry('../.slipway-image.json', formatManifest(manifestOf(small))), end],
    message: '".." is not a valid image name: use up to 100 letters, digits, dots, hyphens, and underscores',
  },
  {
    name: 'a manifest with a file name that leads out of the store',
    blocks: [manifest({ '../kernel': 'kernel' }), end],
    message: /^the manifest of one in the archive is damaged at files\.0\.name: /,
  },
  {
    name: 'a manifest that is not JSON',
    blocks: [entry('one/.slipway-image.json', 'x'), end],
    message: 'the manifest of one in the archive is damaged: it is not JSON',
  },
  {
    name: 'a manifest that is too large',
    blocks: [entry('one/.slipway-image.json', '', 256 * 1024 + 1)],
    message:
      'the manifest of one in the archive is damaged: 262145 bytes are more than the maximum of 262144',
  },
  {
    name: 'two manifests of one image',
    blocks: [manifest(), manifest(), end],
    message: 'the archive has two manifests of one',
  },
  {
    name: 'a file before its manifest',
    blocks: [entry('one/kernel', 'kernel'), manifest(), end],
    message: 'one/kernel in the archive is not listed in an earlier manifest, or occurs twice',
  },
  {
    name: 'a file that is not in a manifest',
    blocks: [manifest(), entry('one/other', 'x'), end],
    message: 'one/other in the archive is not listed in an earlier manifest, or occurs twice',
  },
  {
    name: 'a file twice',
    blocks: [manifest(), entry('one/kernel', 'kernel'), entry('one/kernel', 'kernel'), end],
    message: 'one/kernel in the archive is not listed in an earlier manifest, or occurs twice',
  },
  {
    name: 'a file of another length',
    blocks: [manifest(), entry('one/kernel', 'kernels'), end],
    message: 'one/kernel in the archive has 7 bytes, but its manifest has 6',
  },
  {
    name: 'a file with another checksum',
    blocks: [manifest(), entry('one/kernel', 'kernex'), end],
    message: 'one/kernel in the archive is damaged: its sha256 differs from its manifest',
  },
  {
    name: 'a truncated file',
    blocks: [manifest(), entry('one/kernel', 'kernel').subarray(0, blockOctets + 3)],
    message: 'the archive is incomplete: it ends too early',
  },
  {
    name: 'no end mark',
    blocks: [manifest(), entry('one/kernel', 'kernel')],
    message: 'the archive is incomplete: it ends too early',
  },
  {
    name: 'fewer files than its manifest',
    blocks: [manifest(), end],
    message: 'the archive lacks one/kernel, which its manifest names',
  },
  {
    name: 'too many images',
    blocks: [
      ...Array.from({ length: 101 }, (_, at) =>
        entry(`image${at}/.slipway-image.json`, formatManifest(manifestOf(small))),
      ),
      end,
    ],
    message: 'the archive has more than the maximum of 100 images',
  },
  {
    name: 'a size larger than the disk',
    blocks: [
      entry(
        'one/.slipway-image.json',
        formatManifest({
          ...manifestOf(small),
          files: [{ name: 'k', octets: 2 ** 52, sha256: 'f'.repeat(64) }],
        }),
      ),
    ],
    message: /^.* of free space, but 4294967296 MiB is required$/,
  },
]

for (const { name, blocks, message } of hostile) {
  t.test(`an archive with ${name} is refused and changes nothing in the store`, async (t) => {
    const store = t.testdir()
    await t.rejects(importImages(store, once(Buffer.concat(blocks)), silent), {
      name: 'ImageProblem',
      message,
    })
    t.same(readdirSync(store), [])
  })
}

t.test('an archive created by tar is imported: directories, and paths that start with ./', async (t) => {
  const store = t.testdir()
  const folder = encodeHeader({ path: './one/', octets: 0, modifiedSeconds: 1e9 })
  folder[156] = '5'.charCodeAt(0)
  folder.fill(0x20, 148, 156)
  const sum = folder.reduce((total, octet) => total + octet, 0)
  folder.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  const long = `rhcos-live-kernel-${'x'.repeat(120)}`
  const files = { [long]: 'kernel' }
  const text = formatManifest(manifestOf(files))
  const blocks = [
    folder,
    entry('./one/.slipway-image.json', text),
    entry(`./one/${long}`, 'kernel').subarray(0),
  ]
  // The header of a long name is three blocks, so its content is where `entry` puts it.
  await importImages(store, once(Buffer.concat([...blocks, end])), silent)
  t.same(readdirSync(`${store}/one`), ['.slipway-image.json', long])
})

t.test('an existing image with other files is not changed', async (t) => {
  const store = t.testdir({ one: { kernel: 'by hand' } })
  const blocks = [manifest(), entry('one/kernel', 'kernel'), end]
  await t.rejects(importImages(store, once(Buffer.concat(blocks)), silent), {
    message: `${store}/one already exists with other files: remove it first`,
  })
  t.same(readdirSync(store), ['one'])
  t.equal(readFileSync(`${store}/one/kernel`, 'utf8'), 'by hand')
})

t.test('an invalid manifest is refused with the reason', (t) => {
  const text = (change: object) => JSON.stringify({ ...manifestOf(small), ...change })
  t.throws(() => parseManifest(text({ more: 1 }), 'it'), {
    message: 'it is damaged at its top: Unrecognized key: "more"',
  })
  const [file] = manifestOf(small).files
  t.throws(() => parseManifest(text({ files: [file, file] }), 'it'), {
    message: 'it is damaged: it names a file twice',
  })
  t.end()
})
