(function () {
  var box = document.getElementById('large');
  if (!box || !box.showModal) { return; }
  var image = box.querySelector('img'), text = box.querySelector('p');
  document.querySelectorAll('button.pic').forEach(function (button) {
    button.addEventListener('click', function () {
      var small = button.querySelector('img');
      image.src = small.src; image.alt = small.alt; text.textContent = small.alt;
      box.showModal();
    });
  });
  box.addEventListener('click', function () { box.close(); });
  if (window.matchMedia) {
    window.addEventListener('beforeprint', function () {
      document.querySelectorAll('details').forEach(function (one) { one.open = true; });
    });
  }
})();
