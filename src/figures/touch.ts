/** Bytes of a region (an index) that were read while a token (counted from 0) was made. */
export interface Touch {
  token: number;
  region: number;
  bytes: number;
}
