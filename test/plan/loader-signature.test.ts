import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { readLoaderSignature, signatureText } from '../../src/plan/loader-signature.ts'
import { der, peImage, signature } from '../support/pe.ts'

const sbat = 'sbat,1,SBAT Version,sbat,1,https://example.com\nshim,4,UEFI shim,shim,1,https://example.com\n'
const microsoft = ['Microsoft Corporation UEFI CA 2011', 'Microsoft UEFI CA 2023']

t.test('a loader with two signatures has both authorities, and the generation of its component', (t) => {
  const file = peImage(
    microsoft.map((name) => signature(name)),
    { sbat },
  )
  t.same(readLoaderSignature(file), { authorities: microsoft, sbat: 'shim 4' })
  t.same(readLoaderSignature(new Uint8Array(file)), { authorities: microsoft, sbat: 'shim 4' })
  const twice = peImage([signature(...microsoft), signature('Microsoft UEFI CA 2023')])
  t.same(readLoaderSignature(twice), { authorities: microsoft }, 'each once')
  t.end()
})

t.test('the signature of GRUB in Debian 12', (t) => {
  const real = readFileSync(new URL('../fixtures/pe/debian-grub.p7', import.meta.url))
  t.same(readLoaderSignature(peImage([real])), { authorities: ['Debian Secure Boot CA'] })
  t.same(readLoaderSignature(peImage([real], { format: 0x10b })), { authorities: ['Debian Secure Boot CA'] })
  t.end()
})

t.test('a loader without a signature, or with entries of another type', (t) => {
  t.same(readLoaderSignature(peImage([])), { authorities: [] })
  t.same(readLoaderSignature(peImage([signature('CA')], { type: 1 })), { authorities: [] })
  t.same(readLoaderSignature(peImage([], { sbat: 'sbat,1\n' })), { authorities: [] })
  t.same(readLoaderSignature(peImage([], { sbat: 'no table' })), { authorities: [] })
  t.end()
})

t.test('files that are not PE images, and damaged ones', (t) => {
  const file = peImage([signature('CA')])
  for (const damaged of [
    Buffer.alloc(0),
    Buffer.from('#!/bin/sh'),
    Buffer.from('MZ'),
    Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]),
    file.subarray(0, file.length - 20),
    peImage([Buffer.from([0x30])]),
    peImage([der(0x30, der(0x02))]),
    peImage([Buffer.from([0x30, 0x85, 1, 1, 1, 1, 1, 0])]),
  ]) {
    t.equal(readLoaderSignature(damaged), undefined)
  }
  t.end()
})

t.test('no file makes it throw', (t) => {
  const file = peImage([signature('CA')], { sbat })
  const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(damage, (changes) => {
      const copy = Buffer.from(file)
      for (const [at, value] of changes) copy[at] = value
      readLoaderSignature(copy)
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test('the text of a signature', (t) => {
  t.equal(signatureText({ authorities: ['A', 'B'], sbat: 'shim 4' }), 'signed by A and B; SBAT shim 4')
  t.equal(signatureText({ authorities: [] }), 'not signed')
  const [name] = readLoaderSignature(peImage([signature('ü\n')]))!.authorities
  t.match(name, /^\?+$/)
  t.end()
})
