import t from 'tap'
import { imageOf, readDocument } from '../../src/images/stream.ts'
import { buildDocument, liveNames, streamDocument } from '../support/release.ts'

const base = 'https://mirror.example.net/art'

const few = { iso: false, metal: false }

const all = { iso: true, metal: true }

const json = (value: unknown) => JSON.stringify(value)

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
      text: json({ stream: 'x', architectures: { riscv64: {} } }),
      architecture: 'x86_64',
      message: 'the document has no image for x86_64, only for riscv64, which slipway does not support',
    },
    {
      text: json({ stream: 'x', architectures: {} }),
      architecture: 'x86_64',
      message: 'the document names no architecture',
    },
    {
      text: json({ stream: 'x', architectures: { x86_64: { artifacts: 7 } } }),
      architecture: 'x86_64',
      message:
        'the document is invalid at architectures.x86_64.artifacts: Invalid input: expected object, received number',
    },
    {
      text: json(streamDocument(base)).replace('"iso":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location for a live ISO',
    },
    {
      text: json(streamDocument(base)).replace('"raw.gz":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location for a metal image',
    },
    {
      text: json(buildDocument(base)).replace('"iso":', '"other":'),
      architecture: 'x86_64',
      message: 'the document has no location for an ISO',
    },
    {
      text: json(buildDocument(base)).replaceAll('x86_64', 'ppc64le'),
      architecture: 'x86_64',
      message: 'the document has no image for x86_64, only for ppc64le',
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
