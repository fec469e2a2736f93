/**
 * Whether a label of a host name matches a pattern in which `*` is any text and `?` one character. Steps back to the last `*`
 * only, so that no pattern of a stranger takes long.
 */
export function matchesLabel(pattern: string, label: string): boolean {
  let [p, l, star, resume] = [0, 0, -1, 0];
  while (l < label.length) {
    if (pattern[p] === '*') {
      [star, resume] = [p, l];
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === label[l])) {
      p += 1;
      l += 1;
    } else if (star !== -1) {
      resume += 1;
      [p, l] = [star + 1, resume];
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(p));
}
