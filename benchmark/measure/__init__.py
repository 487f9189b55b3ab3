"""From a Plan to request rows: servers, load tests, samples. Every process started here is stopped here."""
