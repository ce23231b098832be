-- For wrk: every hundredth request is a slow one.
local count = 0

function request()
  count = count + 1
  return wrk.format(nil, count % 100 == 0 and "/slow" or "/")
end
