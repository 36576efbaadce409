import t from 'tap'
import { createQuestion, readQuestion } from '../../../src/proto/dns/question.ts'
import { hex } from '../../support/hex.ts'

const header = '1234 0100 0001 0000 0000' // id, RD, one question, no answers, no authority; ARCOUNT follows
const question = '02 4d31 07 6578616d706c65 03 6e6574 00 001c 0001' // M1.example.net AAAA IN

t.test('the first COOKIE option counts, at any position (RFC 7873 §5.2)', (t) => {
  const read = createQuestion()
  const cookie = `000a 0008 ${'aa'.repeat(8)}`
  const cases = [
    { options: `000c ${cookie}`, at: 47, octets: 8 },
    { options: `0016 0003 0006 ${'bb'.repeat(6)} ${cookie}`, at: 57, octets: 8 },
    { options: `0018 ${cookie} ${cookie}`, at: 47, octets: 8 },
    { options: `001a ${cookie} 000a 000a ${'cc'.repeat(10)}`, at: 47, octets: 8 },
    { options: `001c 000a 0018 ${'aa'.repeat(24)}`, at: 47, octets: 24 },
    { options: `002c 000a 0028 ${'aa'.repeat(40)}`, at: 47, octets: 40 },
  ]
  for (const { options, at, octets } of cases) {
    readQuestion(hex(`${header} 0001 ${question} 00 0029 04d0 00000000 ${options}`), read)
    t.match(read, { cookieAt: at, cookieOctets: octets }, options)
  }
  readQuestion(hex(`${header} 0001 ${question} 00 0029 04d0 00000000 0000`), read)
  t.equal(read.cookieOctets, 0, 'and none is left of the query before')
  t.end()
})

t.test('an NSID option with any content requests the NSID (RFC 5001 §2.1)', (t) => {
  const read = createQuestion()
  const cookie = `000a 0008 ${'aa'.repeat(8)}`
  const cases = [
    { options: '0004 0003 0000', wantsNsid: true },
    { options: `0010 ${cookie} 0003 0000`, wantsNsid: true },
    { options: '0006 0003 0002 abcd', wantsNsid: true },
    { options: `000c ${cookie}`, wantsNsid: false },
  ]
  for (const { options, wantsNsid } of cases) {
    readQuestion(hex(`${header} 0001 ${question} 00 0029 04d0 00000000 ${options}`), read)
    t.match(read, { wantsNsid }, options)
  }
  t.end()
})
