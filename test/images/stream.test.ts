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
    t.same(architecturesOf(document), ['x86_64'])
    const image = imageOf(document, 'x86_64', few)
    t.match(image, { stream: 'rhcos-4.17', release: '417.94.202410090854-0', style: 'live' })
    t.same(image.files[0], {
      part: 'kernel',
      name: liveNames.kernel,
      url: `${base}/${liveNames.kernel}`,
      sha256: sha256('kernel for x86_64 '.repeat(200)),
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

const noDocument =
  'this is not a stream document: get one with "openshift-install coreos print-stream-json", or use https://builds.coreos.fedoraproject.org/streams/stable.json'
const notText = [
  { name: 'an empty text', text: '' },
  { name: 'a web page', text: '<html><body>Log in</body></html>' },
  { name: 'another JSON', text: '{"items": []}' },
  { name: 'a list', text: '[]' },
  { name: 'YAML with aliases', text: 'a: &a [x]\nb: [*a, *a]\n' },
  { name: 'half a document', text: json(streamDocument(base)).slice(0, 500) },
]
for (const { name, text } of notText) {
  t.test(`not a stream document: ${name}`, (t) => {
    t.throws(() => readDocument(text), { name: 'ImageProblem', message: noDocument })
    t.end()
  })
}

/** The document with one thing of its kernel changed. */
function withKernel(change: object): string {
  const document = streamDocument(base)
  const entry = document.architectures['x86_64' as keyof typeof document.architectures] as unknown as {
    artifacts: { metal: { formats: { pxe: { kernel: object } } } }
  }
  const { pxe } = entry.artifacts.metal.formats
  pxe.kernel = { ...pxe.kernel, ...change }
  return json(document)
}

const place = 'architectures.x86_64.artifacts.metal.formats.pxe.kernel'
const refusals = [
  {
    name: 'a URL with another scheme',
    text: withKernel({ location: 'ftp://mirror.example.net/kernel' }),
    message: `the document is invalid at ${place}.location: expected an http or https URL`,
  },
  {
    name: 'a file URL',
    text: withKernel({ location: 'file:///etc/shadow' }),
    message: `the document is invalid at ${place}.location: expected an http or https URL`,
  },
  {
    name: 'an invalid checksum',
    text: withKernel({ sha256: 'abc' }),
    message: `the document is invalid at ${place}.sha256: expected 64 hexadecimal digits`,
  },
  ...['/', '/..%2F..%2Fetc%2Fpasswd', '/.bashrc', '/a%00b', '/%ff', '/%C3%A4'].map((path) => ({
    name: `a location that ends with ${path}`,
    text: withKernel({ location: base + path }),
    message: `the location of the kernel does not end with a valid file name: ${base}${path}`,
  })),
  {
    name: 'two files of the same name',
    text: withKernel({ location: `${base}/${liveNames.rootfs}` }),
    message: `two files of the document have the name ${liveNames.rootfs}`,
  },
]
for (const { name, text, message } of refusals) {
  t.test(`a document with ${name} is refused`, (t) => {
    t.throws(() => imageOf(readDocument(text), 'x86_64', few), { name: 'ImageProblem', message })
    t.end()
  })
}

t.test('an error names the missing part of a document', (t) => {
  const cases = [
    {
      text: json(streamDocument(base)),
      architecture: 'aarch64',
      message: 'the document has no image for aarch64, only for x86_64',
    },
    {
      text: json({ stream: 'x', architectures: { s390x: {} } }),
      architecture: 'x86_64',
      message: 'the document has no image for x86_64, only for other architectures',
    },
    {
      text: json({ stream: 'x', architectures: { x86_64: { artifacts: {} } } }),
      architecture: 'x86_64',
      message:
        'the document is invalid at architectures.x86_64.artifacts.metal: Invalid input: expected object, received undefined',
    },
    {
      text: json(streamDocument(base)).replace('"iso":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location of a live ISO',
    },
    {
      text: json(streamDocument(base)).replace('"raw.gz":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location of a metal image',
    },
    {
      text: json(buildDocument(base)).replace('"iso":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location of an ISO',
    },
    {
      text: json(buildDocument(base)).replaceAll('x86_64', 'ppc64le'),
      architecture: 'x86_64',
      message: 'the document has no image for x86_64, only for other architectures',
    },
  ] as const
  for (const { text, architecture, message } of cases) {
    t.throws(() => imageOf(readDocument(text), architecture, all), { name: 'ImageProblem', message })
  }
  t.throws(() => readDocument(json({ baseURI: base, images: {} })), {
    message: 'the document is invalid at buildid: Invalid input: expected string, received undefined',
  })
  t.end()
})
