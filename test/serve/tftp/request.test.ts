import fc from 'fast-check'
import t from 'tap'
import {
  checkRequest,
  findNamed,
  readName,
  requestText,
  similarNames,
} from '../../../src/serve/tftp/request.ts'

const options = new Map([['tsize', '0']])
const request = { kind: 'rrq', file: '/efi\\ipxe.efi', mode: 'octet', options } as const

t.test('a read request in mode octet or netascii is read (RFC 1350 §1)', (t) => {
  t.same(checkRequest(request, true, undefined), {
    kind: 'read',
    name: 'efi/ipxe.efi',
    mode: 'octet',
    options,
  })
  t.match(checkRequest({ ...request, mode: 'netascii' }, true, undefined), { kind: 'read', mode: 'netascii' })
  t.end()
})

const refusals = [
  {
    name: 'a write request: access violation (RFC 1350 §5)',
    asked: { ...request, kind: 'wrq' as const },
    code: 'tftp.read-only',
    errorCode: 2,
    message: 'files are read-only',
  },
  {
    name: 'mode mail, which "should not be implemented or used" (RFC 1350 §1)',
    asked: { ...request, mode: 'mail' },
    code: 'tftp.unsupported-mode',
    errorCode: 4,
    message: 'only the modes octet and netascii are supported',
  },
  {
    name: 'an unknown mode',
    asked: { ...request, mode: 'binary' },
    code: 'tftp.unsupported-mode',
    errorCode: 4,
    message: 'only the modes octet and netascii are supported',
  },
  {
    name: 'a name that leads out of the served directory',
    asked: { ...request, file: '../x' },
    code: 'tftp.invalid-name',
    errorCode: 2,
    message: 'the name leads out of the served directory',
  },
  {
    name: 'a busy server',
    asked: request,
    busy: 'too many',
    code: 'tftp.too-many-transfers',
    errorCode: 0,
    message: 'too many',
  },
  {
    name: 'a client of another network, which could be the victim of a forger',
    asked: request,
    isClient: false,
    code: 'tftp.other-network',
    errorCode: 2,
    message: 'not a client',
  },
]

for (const { name, asked, isClient = true, busy, code, errorCode, message } of refusals) {
  t.test(`refused: ${name}`, (t) => {
    t.same(checkRequest(asked, isClient, busy), { kind: 'refuse', code, errorCode, message })
    t.end()
  })
}

t.test('the key of a request covers all its fields', (t) => {
  t.equal(requestText(request), requestText({ ...request, options: new Map(options) }))
  for (const other of [
    { ...request, kind: 'wrq' as const },
    { ...request, file: 'x' },
    { ...request, mode: 'netascii' },
    { ...request, options: new Map([['tsize', '1']]) },
    { ...request, options: new Map() },
  ]) {
    t.equal(requestText(other) === requestText(request), false)
  }
  t.end()
})

const accepted = [
  { name: 'a plain name', asked: 'efi/ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'a leading slash', asked: '/efi/ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'several slashes', asked: '//efi///ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'backslashes', asked: '\\efi\\ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'a slash and a backslash', asked: '/boot\\x64\\wdsnbp.com', read: 'boot/x64/wdsnbp.com' },
  { name: 'the current directory', asked: './efi/./ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'dots inside a name', asked: 'a..b/c.', read: 'a..b/c.' },
  { name: 'letters keep their case', asked: 'EFI/iPXE.efi', read: 'EFI/iPXE.efi' },
  { name: 'blanks and other letters', asked: 'mein ordner/ä', read: 'mein ordner/ä' },
  { name: "DHCP's END option after the name (lenovo-t460)", asked: 'ipxe.efi\ufffd', read: 'ipxe.efi' },
  { name: 'several such octets', asked: 'ipxe.efi\ufffd\ufffd', read: 'ipxe.efi' },
]

for (const { name, asked, read } of accepted) {
  t.test(`read: ${name}`, (t) => {
    t.same(readName(asked), { kind: 'name', name: read })
    t.end()
  })
}

const refusedNames = [
  { asked: '../etc/passwd', reason: 'the name leads out of the served directory' },
  { asked: '..', reason: 'the name leads out of the served directory' },
  { asked: 'efi/../../etc/passwd', reason: 'the name leads out of the served directory' },
  { asked: 'efi/..', reason: 'the name leads out of the served directory' },
  { asked: '..\\boot.ini', reason: 'the name leads out of the served directory' },
  { asked: '/..\\/x', reason: 'the name leads out of the served directory' },
  { asked: '.ssh/id_rsa', reason: 'hidden files are not served' },
  { asked: 'efi/.hidden', reason: 'hidden files are not served' },
  { asked: '...', reason: 'hidden files are not served' },
  { asked: 'a\0b', reason: 'the name contains a control character' },
  { asked: 'a\nb', reason: 'the name contains a control character' },
  { asked: 'a\u007f', reason: 'the name contains a control character' },
  { asked: '', reason: 'the name is empty' },
  { asked: '/', reason: 'the name is empty' },
  { asked: '.', reason: 'the name is empty' },
  { asked: '\ufffd', reason: 'the name is empty' },
]

for (const { asked, reason } of refusedNames) {
  t.test(`refused: ${JSON.stringify(asked)}, because ${reason}`, (t) => {
    t.same(readName(asked), { kind: 'refused', reason })
    t.end()
  })
}

t.test('a normalized name never leads out of the root', (t) => {
  const piece = fc.constantFrom('..', '.', '/', '\\', 'a', '.b', '\ufffd', '\0', ' ', 'C:')
  const asked = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(fc.oneof(asked, fc.string()), (each) => {
      const reading = readName(each)
      if (reading.kind === 'refused') return true
      const parts = reading.name.split('/')
      return parts.every((part) => part !== '' && !part.startsWith('.') && !/[\\\0]/.test(part))
    }),
    { numRuns: 300 },
  )
  t.end()
})

const files = new Map([
  ['efi/ipxe.efi', '/x64/ipxe.efi'],
  ['undionly.kpxe', '/bios/undionly.kpxe'],
])

t.test('a loader is found by its name in any case', (t) => {
  t.equal(findNamed(files, 'efi/ipxe.efi'), '/x64/ipxe.efi')
  t.equal(findNamed(files, 'EFI/IPXE.EFI'), '/x64/ipxe.efi')
  t.equal(findNamed(files, 'ipxe.efi'), undefined)
  t.end()
})

const served = ['bios/undionly.kpxe', 'efi/ipxe.efi', 'efi/snponly.efi', 'arm64/ipxe.efi', 'memtest']
const likenesses = [
  { asked: 'ipxe.efi', similar: ['efi/ipxe.efi', 'arm64/ipxe.efi'] },
  { asked: 'iPXE-x86_64.efi', similar: ['efi/ipxe.efi', 'arm64/ipxe.efi'] },
  { asked: 'boot/undionly.kkpxe', similar: ['bios/undionly.kpxe'] },
  { asked: 'snp.efi', similar: ['efi/snponly.efi'] },
  { asked: 'memtest', similar: ['memtest'] },
  { asked: 'grubx64.efi', similar: [] },
]

for (const { asked, similar } of likenesses) {
  t.test(`names similar to ${asked}`, (t) => {
    t.same(similarNames(asked, served), similar)
    t.end()
  })
}

t.test('at most five names are listed', (t) => {
  t.same(similarNames('a', ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']), ['a1', 'a2', 'a3', 'a4', 'a5'])
  t.end()
})
