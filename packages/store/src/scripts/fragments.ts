/**
 * `resetParts(jobKey, partCount, partKeys…)`: no part handed out or recorded. UNLINK, because a
 * large archive's hashes take a while to free.
 */
export const resetParts = `
local function resetParts(jobKey, partCount, partKeys)
  redis.call('HSET', jobKey, 'partCount', partCount,
    'opened', 0, 'ahead', 0, 'uploaded', 0, 'bytes', 0, 'rate', '')
  if #partKeys > 0 then redis.call('UNLINK', unpack(partKeys)) end
end
`

/**
 * `handOut(jobKey, bitsKey, window)`: moves the cursor until \`window\` parts are handed out and not
 * uploaded; returns the parts it passed that are not uploaded. \`ahead\` counts the parts at or
 * above the cursor that are uploaded already, as when an upload was adopted.
 */
export const handOut = `
local function handOut(jobKey, bitsKey, window)
  local job = redis.call('HMGET', jobKey, 'partCount', 'opened', 'ahead', 'uploaded')
  local count, opened = tonumber(job[1]), tonumber(job[2])
  local ahead, uploaded = tonumber(job[3]), tonumber(job[4])
  local free = window - (opened - (uploaded - ahead))
  local bits = ''
  if ahead > 0 then bits = redis.call('GET', bitsKey) or '' end
  local parts = {}
  while free > 0 and opened < count do
    local byte = string.byte(bits, math.floor(opened / 8) + 1) or 0
    if ahead > 0 and bit.band(byte, bit.rshift(0x80, opened % 8)) ~= 0 then
      ahead = ahead - 1
    else
      parts[#parts + 1] = opened
      free = free - 1
    end
    opened = opened + 1
  end
  redis.call('HSET', jobKey, 'opened', opened, 'ahead', ahead)
  return parts
end
`

/** `addSample(text, atMs, bytes)`: as `addSample` in upload-rate.ts, over its text form. */
export const addSample = `
local function addSample(text, atMs, bytes)
  local times, totals = {}, {}
  for time, total in string.gmatch(text, '(%d+):(%d+)') do
    times[#times + 1] = tonumber(time)
    totals[#totals + 1] = tonumber(total)
  end
  local n = #times
  local at = math.max(atMs, times[n] or 0)
  local total = (totals[n] or 0) + bytes
  if not (n >= 2 and at - times[n - 1] < 1000) then n = n + 1 end
  times[n], totals[n] = at, total
  local first = 1
  while n - first + 1 > 2 and times[first] < at - 10000 do first = first + 1 end
  local samples = {}
  for i = first, n do samples[#samples + 1] = string.format('%.0f:%.0f', times[i], totals[i]) end
  return table.concat(samples, ',')
end
`
