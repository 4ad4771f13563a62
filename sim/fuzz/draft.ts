/** An input while it is being changed, in memory of fixed size: what does not fit is cut off. */
export class Draft {
  readonly bytes: Uint8Array
  length = 0

  constructor(bytesMax: number) {
    this.bytes = new Uint8Array(bytesMax)
  }

  /** Begins with a copy of `input`. */
  set(input: Uint8Array): void {
    this.length = Math.min(input.length, this.bytes.length)
    this.bytes.set(input.length > this.length ? input.subarray(0, this.length) : input)
  }

  /** A copy. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  remove(at: number, count: number): void {
    const end = Math.min(this.length, at + count)
    this.bytes.copyWithin(at, end, this.length)
    this.length -= end - at
  }

  /** Makes room and fills it; `piece` is other memory. What goes beyond the end is lost. */
  insert(at: number, piece: Uint8Array): void {
    const count = Math.min(piece.length, this.bytes.length - at)
    this.bytes.copyWithin(at + count, at, Math.min(this.length, this.bytes.length - count))
    this.bytes.set(piece.subarray(0, count), at)
    this.length = Math.min(this.bytes.length, this.length + count)
  }

  /** Writes over what is there, and no further. */
  overwrite(at: number, piece: Uint8Array): void {
    this.bytes.set(piece.subarray(0, Math.max(0, this.length - at)), at)
  }

  /** `width` bytes (1..4) at `at`, which are there. 0..2^32-1. */
  read(at: number, width: number, isLittle: boolean): number {
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.bytes[isLittle ? at + width - 1 - i : at + i]
    return value
  }

  /** Modulo 2^(8 * width). */
  write(at: number, width: number, isLittle: boolean, value: number): void {
    for (let i = 0; i < width; i++) this.bytes[isLittle ? at + i : at + width - 1 - i] = value >>> (8 * i)
  }
}
