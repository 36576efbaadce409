import t from 'tap'
import { nearest } from '../../src/text/nearest.ts'

t.test('suggests the nearest known word', (t) => {
  const known = ['name', 'role', 'mac', 'address', 'kernelArguments', 'loadBalancer', 'subnets']
  const cases = [
    { word: 'adress', meant: 'address', why: 'a letter is missing' },
    { word: 'addresss', meant: 'address', why: 'a letter is doubled' },
    { word: 'addrses', meant: 'address', why: 'neighbours are exchanged' },
    { word: 'loadbalancer', meant: 'loadBalancer', why: 'only the case differs' },
    { word: 'subnet', meant: 'subnets', why: 'the plural is missing' },
    { word: 'rol', meant: 'role', why: 'a letter is missing' },
    { word: 'kernelArgs', meant: 'kernelArguments', why: 'the beginning is the same' },
    { word: 'addr', meant: 'address', why: 'it is the beginning' },
    { word: 'ad', meant: undefined, why: 'two letters are too few' },
    { word: 'gateway', meant: undefined, why: 'nothing is alike' },
    { word: '', meant: undefined, why: 'there is no word' },
  ]
  for (const { word, meant, why } of cases) t.equal(nearest(word, known), meant, `${word}: ${why}`)
  t.equal(nearest('anything', []), undefined)
  t.end()
})
