import fc from 'fast-check'
import t from 'tap'
import { findNamed, readName, similarNames } from '../../../src/serve/tftp/request.ts'

const accepted = [
  { name: 'a plain name', asked: 'efi/ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'a leading slash', asked: '/efi/ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'several slashes', asked: '//efi///ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'backslashes', asked: '\\efi\\ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'a slash and a backslash', asked: '/boot\\x64\\wdsnbp.com', read: 'boot/x64/wdsnbp.com' },
  { name: 'the folder itself', asked: './efi/./ipxe.efi', read: 'efi/ipxe.efi' },
  { name: 'dots inside a name', asked: 'a..b/c.', read: 'a..b/c.' },
  { name: 'letters keep their case', asked: 'EFI/iPXE.efi', read: 'EFI/iPXE.efi' },
  { name: 'blanks and other letters', asked: 'mein ordner/ä', read: 'mein ordner/ä' },
  { name: 'DHCP’s end option behind the name (lenovo-t460)', asked: 'ipxe.efi\ufffd', read: 'ipxe.efi' },
  { name: 'several such octets', asked: 'ipxe.efi\ufffd\ufffd', read: 'ipxe.efi' },
]

for (const { name, asked, read } of accepted) {
  t.test(`read: ${name}`, (t) => {
    t.same(readName(asked), { kind: 'name', name: read })
    t.end()
  })
}

const refused = [
  { asked: '../etc/passwd', reason: 'the name leads out of the served files' },
  { asked: '..', reason: 'the name leads out of the served files' },
  { asked: 'efi/../../etc/passwd', reason: 'the name leads out of the served files' },
  { asked: 'efi/..', reason: 'the name leads out of the served files' },
  { asked: '..\\boot.ini', reason: 'the name leads out of the served files' },
  { asked: '/..\\/x', reason: 'the name leads out of the served files' },
  { asked: '.ssh/id_rsa', reason: 'hidden files are not served' },
  { asked: 'efi/.hidden', reason: 'hidden files are not served' },
  { asked: '...', reason: 'hidden files are not served' },
  { asked: 'a\0b', reason: 'the name holds a control character' },
  { asked: 'a\nb', reason: 'the name holds a control character' },
  { asked: 'a\u007f', reason: 'the name holds a control character' },
  { asked: '', reason: 'the name is empty' },
  { asked: '/', reason: 'the name is empty' },
  { asked: '.', reason: 'the name is empty' },
  { asked: '\ufffd', reason: 'the name is empty' },
]

for (const { asked, reason } of refused) {
  t.test(`refused: ${JSON.stringify(asked)}, because ${reason}`, (t) => {
    t.same(readName(asked), { kind: 'refused', reason })
    t.end()
  })
}

t.test('whatever is asked, a name that is read stays inside', (t) => {
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

t.test('a loader is found in whatever case firmware writes it', (t) => {
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
  t.test(`names like ${asked}`, (t) => {
    t.same(similarNames(asked, served), similar)
    t.end()
  })
}

t.test('five names are enough', (t) => {
  t.same(similarNames('a', ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']), ['a1', 'a2', 'a3', 'a4', 'a5'])
  t.end()
})
