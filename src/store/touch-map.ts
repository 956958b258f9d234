/**
 * The touch map as tokens by regions: a row for every token and every tensor, or expert's slice, of which it read
 * anything, with the share of the region that was read. In a run with `--profile-touches` that is what tokens touch.
 */
export const touchMapSql = `
CREATE VIEW touch_map AS
  SELECT touch.token, tensor.name, tensor.layer, tensor.role, tensor.expert, touch.bytes AS read_bytes,
         touch.bytes / tensor.bytes AS share
  FROM touch JOIN tensor USING (file, "fileOffset")
  WHERE token IS NOT NULL AND tensor.name IS NOT NULL
  ORDER BY token, layer NULLS LAST, "fileOffset";
`;
