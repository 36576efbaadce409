/** What is found in the answer file of an installer. */
export type LineProblem = { readonly line: number; readonly problem: string }

/** Which other disks the installer may overwrite, and what limits it to the disk of the machine. */
export type OtherDisks = { readonly line: number; readonly why: string; readonly fix: string }

export type Review = {
  readonly problems: readonly LineProblem[]
  readonly otherDisks?: OtherDisks | undefined
}
