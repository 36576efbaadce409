import t from 'tap'
import { stringify } from 'yaml'
import { architecturesOf, imageOf, readDocument } from '../../src/images/stream.ts'
import { buildDocument, liveNames, sha256, streamDocument } from '../support/release.ts'

const base = 'https://mirror.example.net/art'
const few = { iso: false, metal: false }
const all = { iso: true, metal: true }
const json = (value: unknown) => JSON.stringify(value)
const told = (image: ReturnType<typeof imageOf>) => image.files.map(({ part, name }) => `${part} ${name}`)

const documents = [
  { name: 'as openshift-install prints it', text: json(streamDocument(base)) },
  {
    name: 'in the ConfigMap of a cluster, as JSON',
    text: json({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coreos-bootimages' },
      data: { releaseVersion: '4.17.0', stream: json(streamDocument(base)) },
    }),
  },
  {
    name: 'in the ConfigMap of a cluster, as YAML',
    text: stringify({ kind: 'ConfigMap', data: { stream: json(streamDocument(base)) } }),
  },
]

for (const { name, text } of documents) {
  t.test(`a stream document ${name}`, (t) => {
    const document = readDocument(text)
    t.same(architecturesOf(document), ['x86_64', 's390x'])
    const image = imageOf(document, 'x86_64', few)
    t.match(image, { stream: 'rhcos-4.17', release: '417.94.202410090854-0', style: 'live' })
    t.same(image.files[0], {
      part: 'kernel',
      name: liveNames.kernel,
      url: `${base}/${liveNames.kernel}`,
      sha256: sha256('kernel for x86_64 '.repeat(200)),
      signature: `${base}/${liveNames.kernel}.sig`,
    })
    t.same(told(image), [
      `kernel ${liveNames.kernel}`,
      `initramfs ${liveNames.initramfs}`,
      `rootfs ${liveNames.rootfs}`,
    ])
    t.same(told(imageOf(document, 'x86_64', all)).slice(3), [
      `iso ${liveNames.iso}`,
      `metal ${liveNames.metal}`,
    ])
    t.end()
  })
}

t.test('the stable.json of Fedora CoreOS: other file names, metal images compressed with xz', (t) => {
  const place = 'https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/42.20250914.3.0/x86_64'
  const file = (name: string) => ({
    location: `${place}/fedora-coreos-42.20250914.3.0-${name}`,
    sha256: sha256(name).toUpperCase(),
  })
  const formats = {
    '4k.raw.xz': { disk: file('metal4k.x86_64.raw.xz') },
    iso: { disk: file('live-iso.x86_64.iso') },
    pxe: {
      kernel: file('live-kernel.x86_64'),
      initramfs: file('live-initramfs.x86_64.img'),
      rootfs: file('live-rootfs.x86_64.img'),
    },
    'raw.xz': { disk: file('metal.x86_64.raw.xz') },
  }
  const text = json({
    stream: 'stable',
    architectures: { x86_64: { artifacts: { metal: { release: '42.20250914.3.0', formats } } } },
  })
  const image = imageOf(readDocument(text), 'x86_64', all)
  t.same(told(image), [
    'kernel fedora-coreos-42.20250914.3.0-live-kernel.x86_64',
    'initramfs fedora-coreos-42.20250914.3.0-live-initramfs.x86_64.img',
    'rootfs fedora-coreos-42.20250914.3.0-live-rootfs.x86_64.img',
    'iso fedora-coreos-42.20250914.3.0-live-iso.x86_64.iso',
    'metal fedora-coreos-42.20250914.3.0-metal.x86_64.raw.xz',
  ])
  t.equal(image.files[0]?.sha256, sha256('live-kernel.x86_64'))
  t.end()
})

t.test('the rhcos.json of 4.5: installer files, always with the metal image', (t) => {
  const document = readDocument(json(buildDocument(base)))
  const image = imageOf(document, 'x86_64', few)
  t.match(image, {
    stream: 'rhcos-45.82.202008010929-0',
    style: 'installer',
    release: '45.82.202008010929-0',
  })
  t.same(told(image), [
    'kernel rhcos-45.82.202008010929-0-installer-kernel-x86_64',
    'initramfs rhcos-45.82.202008010929-0-installer-initramfs.x86_64.img',
    'metal rhcos-45.82.202008010929-0-metal.x86_64.raw.gz',
  ])
  t.match(image.files[2], {
    url: `${base}/45.82.202008010929-0/x86_64/rhcos-45.82.202008010929-0-metal.x86_64.raw.gz`,
    octets: 5,
  })
  t.equal(
    told(imageOf(document, 'x86_64', all)).at(-1),
    'iso rhcos-45.82.202008010929-0-installer.x86_64.iso',
  )
  t.end()
})

t.test('the rhcos.json of 4.6: also live files', (t) => {
  const document = buildDocument(base)
  const live = Object.fromEntries(
    ['kernel', 'initramfs', 'rootfs', 'iso'].map((part) => [
      `live-${part}`,
      { path: `live-${part}`, sha256: sha256(part) },
    ]),
  )
  const text = json({ ...document, images: { ...document.images, ...live } })
  const image = imageOf(readDocument(text), 'x86_64', all)
  t.equal(image.style, 'live')
  t.same(told(image).slice(0, 4), [
    'kernel live-kernel',
    'initramfs live-initramfs',
    'rootfs live-rootfs',
    'iso live-iso',
  ])
  t.equal(image.files.length, 5)
  t.end()
})

for (const architecture of ['x86_64', 'aarch64'] as const) {
  t.test(
    `the rhcos.json of 4.6 to 4.9 for ${architecture}: only live files, and a metal image or none`,
    (t) => {
      const file = (name: string) => ({ path: `rhcos-49.84.1-${name}`, sha256: sha256(name) })
      const live = {
        'live-kernel': file(`live-kernel-${architecture}`),
        'live-initramfs': file(`live-initramfs.${architecture}.img`),
        'live-rootfs': file(`live-rootfs.${architecture}.img`),
      }
      const whole = { ...live, 'live-iso': file('live.iso'), metal: file('metal.raw.gz') }
      const text = (images: object) => json({ baseURI: `${base}/49.84.1/`, buildid: '49.84.1', images })
      const document = readDocument(text(live))
      t.same(architecturesOf(document), [architecture])
      t.match(imageOf(document, architecture, few), {
        style: 'live',
        release: '49.84.1',
        files: { length: 3 },
      })
      t.throws(() => imageOf(document, architecture, all), {
        message: 'the document has no location for an ISO',
      })
      t.throws(() => imageOf(document, architecture, { iso: false, metal: true }), {
        message: 'the document has no location for a metal image',
      })
      t.same(told(imageOf(readDocument(text(whole)), architecture, all)), [
        `kernel rhcos-49.84.1-live-kernel-${architecture}`,
        `initramfs rhcos-49.84.1-live-initramfs.${architecture}.img`,
        `rootfs rhcos-49.84.1-live-rootfs.${architecture}.img`,
        'iso rhcos-49.84.1-live.iso',
        'metal rhcos-49.84.1-metal.raw.gz',
      ])
      t.end()
    },
  )
}

const named = (stream: string) => ({ ...streamDocument(base), stream })
const several = { 'rhel-9': named('rhel-9'), 'rhel-10': named('rhel-10') }
const bootImages = (data: object) => ({ kind: 'ConfigMap', data })
const forms: readonly (readonly [name: string, (value: object) => string])[] = [
  ['JSON', json],
  ['YAML', (value) => stringify(value, { aliasDuplicateObjects: false })],
]
for (const [form, print] of forms) {
  t.test(`a ConfigMap in ${form} with several streams: the default, or the requested one`, (t) => {
    const text = print(bootImages({ stream: json(several['rhel-9']), streams: json(several) }))
    t.match(readDocument(text), {
      value: { stream: 'rhel-9' },
      choice: { taken: 'rhel-9', others: ['rhel-10'] },
    })
    t.match(readDocument(text, 'rhel-10'), {
      value: { stream: 'rhel-10' },
      choice: { taken: 'rhel-10', others: ['rhel-9'] },
    })
    t.throws(() => readDocument(text, 'rhel-8'), {
      code: 'image.stream-without-image',
      message: 'the ConfigMap has no stream rhel-8: choose one of rhel-9, rhel-10 with --stream',
    })
    t.end()
  })

  t.test(`a ConfigMap in ${form} without a default stream`, (t) => {
    t.throws(() => readDocument(print(bootImages({ streams: json(several) }))), {
      message: 'the ConfigMap has several streams: choose one of rhel-9, rhel-10 with --stream',
    })
    t.match(readDocument(print(bootImages({ streams: several })), 'rhel-9'), { value: { stream: 'rhel-9' } })
    const one = readDocument(print(bootImages({ streams: json({ 'rhel-9': several['rhel-9'] }) })))
    t.match(one, { value: { stream: 'rhel-9' } })
    t.equal(one.choice, undefined)
    const other = bootImages({ stream: json(named('rhel-8')), streams: json(several) })
    t.match(readDocument(print(other)), {
      value: { stream: 'rhel-8' },
      choice: { taken: undefined, others: ['rhel-9', 'rhel-10'] },
    })
    t.end()
  })
}

t.test('a stream can be requested from a document with one stream only if it has that name', (t) => {
  const text = json(streamDocument(base))
  t.match(readDocument(text, 'rhcos-4.17'), { value: { stream: 'rhcos-4.17' } })
  t.throws(() => readDocument(text, 'rhel-10'), {
    message: 'the document has no stream rhel-10, only the stream rhcos-4.17',
  })
  t.throws(() => readDocument(json(buildDocument(base)), 'rhel-10'), {
    message: 'the document has no stream rhel-10, no named stream',
  })
  t.end()
})

t.test('a release without the files for network boot: the reason names the missing part', (t) => {
  const cannot = 'this release cannot be booted over the network: the document has no'
  const { images } = buildDocument(base)
  const { metal, kernel, ...rest } = images
  const built = (files: object) => json({ ...buildDocument(base), images: files })
  const live = { 'live-kernel': kernel, 'live-initramfs': rest.initramfs }
  const streamed = (artifacts: object) => json({ stream: 'x', architectures: { x86_64: { artifacts } } })
  const formats = (value: object) => streamed({ metal: { release: '30.1', formats: value } })
  const cases: readonly (readonly [text: string, part: string])[] = [
    [built({ ...rest, kernel, 'metal-bios': metal, 'metal-uefi': metal }), 'metal'],
    [built(live), 'live-rootfs'],
    [built({ kernel, metal }), 'initramfs'],
    [built({ ...live, 'live-rootfs': metal, 'live-initramfs': undefined }), 'live-initramfs'],
    [streamed({}), 'files for bare metal for x86_64'],
    [formats({ iso: {} }), 'files for network boot for x86_64'],
    [formats({ pxe: { kernel: {}, initramfs: {} } }), 'rootfs for x86_64'],
  ]
  for (const [text, part] of cases) {
    t.throws(() => imageOf(readDocument(text), 'x86_64', few), {
      code: 'image.release-not-bootable',
      message: `${cannot} ${part}`,
    })
  }
  t.end()
})
